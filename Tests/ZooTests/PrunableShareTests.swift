import Foundation
import NetworkGraph
import PruningTestSupport
import Quantities
import Surgery
import Tensors
import TestSupport
import Testing

/// How much of a network can go, against Torch-Pruning.
@Suite(.tags(.backend))
struct PrunableShareTests {
  /// `torch-pruning.json`, from `scripts/zoo/compare_torch_pruning.py`.
  private struct Table: Decodable {
    struct Row: Decodable {
      let floats: Int
      /// Floats in tensors that lose some with half of every group, and floats that go; nil where
      /// the network came out broken.
      let prunable: Int?
      let removed: Int?
    }
    let networks: [String: Row]
  }

  /// Files hold constants that a PyTorch module does not, such as a layer's epsilon.
  private static let slack = 0.002

  private static let table: Table? = {
    let url = Fixtures.url("torch-pruning.json", module: "Zoo")
    return try? JSONDecoder().decode(Table.self, from: Data(contentsOf: url))
  }()

  @Test("at least as much can be pruned as by Torch-Pruning", arguments: ZooNetwork.all)
  func share(entry: ZooNetwork) throws {
    let network = try entry.read()
    let groups = network.channelGroups()
    let half = try network.pruned(.half(groups), groups: groups)
    let floats = Double(network.cost().modelBytes.count / 4)
    let removed = 1 - Double(half.cost().modelBytes.count / 4) / floats
    let losing = network.values.indices.filter {
      network.values[$0].constant?.count != half.values[$0].constant?.count
    }
    let prunable =
      Double(losing.reduce(0) { $0 + (network.values[$1].constant?.count ?? 0) }) / floats
    let row = try #require(Self.table).networks[entry.name]
    let theirs = [row?.prunable, row?.removed].map { count in
      count.map { Double($0) / Double(row?.floats ?? 1) }
    }
    let text = theirs.map { $0.map { "\($0)" } ?? "–" }.joined(separator: ", ")
    print("\(entry.name): prunable, removed at half: \(prunable), \(removed); theirs \(text)")
    // Where it fails or was not asked, most of a network must still be prunable.
    #expect(prunable >= (theirs[0] ?? 0.5) - Self.slack)
  }
}
