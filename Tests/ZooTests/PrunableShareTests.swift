import Foundation
import NetworkGraph
import PruningTestSupport
import Quantities
import Surgery
import TestSupport
import Testing

/// How much of a network can go, against Torch-Pruning.
@Suite(.tags(.backend))
struct PrunableShareTests {
  /// `torch-pruning.json`, from `scripts/zoo/compare_torch_pruning.py`.
  private struct Table: Decodable {
    struct Row: Decodable {
      let floats: Int
      /// Floats that go with half of every group; nil where the network came out broken.
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
    let share =
      1 - Double(half.cost().modelBytes.count) / Double(network.cost().modelBytes.count)
    let row = try #require(Self.table).networks[entry.name]
    let theirs = row?.removed.map { Double($0) / Double(row?.floats ?? 1) }
    print("share of \(entry.name): \(share), Torch-Pruning \(theirs.map { "\($0)" } ?? "–")")
    // Where it fails or was not asked, half of every group must still be a part worth having.
    #expect(share >= (theirs ?? 0.3) - Self.slack)
  }
}
