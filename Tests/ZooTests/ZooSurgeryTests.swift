import NetworkGraph
import PruningTestSupport
import Surgery
import TestSupport
import Testing

/// Every network of the zoo, pruned: sliced ≡ masked.
@Suite(.tags(.backend))
struct ZooSurgeryTests {
  @Test("every group at half width is what its mask is", arguments: ZooNetwork.all)
  func eachGroup(entry: ZooNetwork) throws {
    let network = try entry.read()
    let groups = network.channelGroups()
    var generator = SeededGenerator(seed: 3)
    for group in groups where group.isPrunable {
      let units = group.randomUnits((group.width + 1) / 2, using: &generator)
      try expectSlicedIsMasked(
        network, ChannelSelection(kept: [group.id: units]), groups, group.name)
    }
  }

  @Test("ten random plans are what their masks are", arguments: ZooNetwork.all)
  func randomPlans(entry: ZooNetwork) throws {
    let network = try entry.read()
    let groups = network.channelGroups()
    var generator = SeededGenerator(seed: 7)
    for plan in 0..<10 {
      let selection = ChannelSelection.randomHalves(groups, using: &generator)
      try expectSlicedIsMasked(network, selection, groups, "plan \(plan)")
    }
  }

  @Test("and so they are on the reference backend", arguments: ZooNetwork.small)
  func reference(entry: ZooNetwork) throws {
    let network = try entry.read()
    let groups = network.channelGroups()
    var generator = SeededGenerator(seed: 11)
    for plan in 0..<2 {
      let selection = ChannelSelection.random(groups, using: &generator)
      try expectSlicedIsMasked(network, selection, groups, "plan \(plan)", on: .reference)
    }
  }

  private func expectSlicedIsMasked(
    _ network: Network, _ selection: ChannelSelection, _ groups: [ChannelGroup], _ what: String,
    on backend: TestBackend = .oneDNN, sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    do {
      let inputs = hashedInputs(of: network, batch: 2)
      let sliced = try network.pruned(selection, groups: groups)
      let masked = try network.masked(selection, groups: groups)
      expectAgreement(
        try backend.outputs(of: sliced, for: inputs), try backend.outputs(of: masked, for: inputs),
        what, sourceLocation: sourceLocation)
    } catch {
      Issue.record("\(what): \(error)", sourceLocation: sourceLocation)
    }
  }
}
