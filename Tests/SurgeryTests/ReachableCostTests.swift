import NetworkGraph
import NetworkTestSupport
import PruningTestSupport
import Quantities
import Surgery
import TestSupport
import Testing

/// The ends of what pruning can reach.
@Suite(.tags(.pure))
struct ReachableCostTests {
  @Test("no choice of widths costs less than the least, or more than the greatest")
  func everyWidth() throws {
    let network = try CouplingPattern.residual.network()
    let groups = network.channelGroups()
    let reach = try network.reachableCosts(groups: groups)
    // Groups 1 and 2 are those of the sum and of the block.
    var costs: [NetworkCost] = []
    for outer in 1...groups[1].width {
      for inner in 1...groups[2].width {
        let selection = ChannelSelection(kept: [1: Array(0..<outer), 2: Array(0..<inner)])
        costs.append(try network.pruned(selection, groups: groups).cost())
      }
    }
    #expect(costs.count == 48)
    #expect(costs.map(\.macs).min() == reach.least.macs)
    #expect(costs.map(\.parameters).min() == reach.least.parameters)
    #expect(costs.map(\.modelBytes).min() == reach.least.modelBytes)
    #expect(costs.map(\.peakActivationBytes).min() == reach.least.peakActivationBytes)
    #expect(costs.map(\.macs).max() == reach.greatest.macs)
    #expect(costs.map(\.peakActivationBytes).max() == reach.greatest.peakActivationBytes)
    #expect(reach.least.macs < reach.greatest.macs)
  }

  @Test(
    "the least is that of the polynomials at the least widths", arguments: CouplingPattern.allCases)
  func polynomials(pattern: CouplingPattern) throws {
    let network = try pattern.network()
    let groups = network.channelGroups()
    let least = groups.map { $0.isPrunable ? min(2, $0.width) : $0.width }
    let reach = try network.reachableCosts(groups: groups, least: least)
    let model = network.costModel(groups: groups)
    #expect(reach.least.macs.count == model.macs.value(widths: least))
    #expect(reach.least.parameters.count == model.parameters.value(widths: least))
    #expect(reach.least.modelBytes.count == model.modelBytes.value(widths: least))
    #expect(reach.greatest == network.cost())
  }

  @Test("least widths that groups do not have are refused")
  func refused() throws {
    let network = try CouplingPattern.residual.network()
    let groups = network.channelGroups()
    for least in [[3, 9, 6, 3], [3, 0, 6, 3], [3, -1, 6, 3], [3, 8]] {
      #expect(throws: SurgeryError.self) {
        try network.reachableCosts(groups: groups, least: least)
      }
    }
  }
}
