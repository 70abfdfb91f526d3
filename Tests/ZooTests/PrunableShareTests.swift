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
      /// Why what came out computes something else; nil where it does not.
      let inexact: String?
    }
    let networks: [String: Row]
  }

  /// Files hold constants that a PyTorch module does not, such as a layer's epsilon.
  private static let slack = 0.002

  @Test("at least as much can be pruned as by Torch-Pruning")
  func share() throws {
    let url = Fixtures.url("torch-pruning.json", module: "Zoo")
    let table = try JSONDecoder().decode(Table.self, from: Data(contentsOf: url))
    #expect(table.networks.count >= 30)
    for (name, row) in table.networks.sorted(by: { $0.key < $1.key }) {
      let network = try ZooNetwork(name: name).read()
      let groups = network.channelGroups()
      let whole = Double(network.cost().modelBytes.count)
      let half = try network.pruned(.half(groups), groups: groups).cost()
      let share = 1 - Double(half.modelBytes.count) / whole
      let theirs = row.removed.map { Double($0) / Double(row.floats) }
      print(
        "\(name): \(share.formatted(.number.precision(.fractionLength(4)))), Torch-Pruning "
          + (theirs?.formatted(.number.precision(.fractionLength(4))) ?? "fails"))
      if row.inexact == nil { #expect(share >= (theirs ?? 0.5) - Self.slack, "\(name)") }
    }
  }
}
