import NetworkGraph
import NetworkTestSupport
import ONNXFormat
import PruningTestSupport
import Quantities
import Surgery
import Tensors
import TestSupport
import Testing

/// Surgery on small networks, one for each way in which channels are tied.
@Suite(.tags(.backend))
struct PatternSurgeryTests {
  static let seeds: [UInt64] = [1, 2, 3, 4, 5, 6]

  @Test(
    "sliced and masked networks agree", arguments: CouplingPattern.allCases, TestBackend.allCases)
  func slicedEqualsMasked(pattern: CouplingPattern, on backend: TestBackend) throws {
    var changes: [Float] = []
    for seed in Self.seeds {
      var generator = SeededGenerator(seed: seed)
      let network = try pattern.network(seed: seed)
      let groups = network.channelGroups()
      let selection = ChannelSelection.random(groups, using: &generator)
      let sliced = try network.pruned(selection, groups: groups)
      let masked = try network.masked(selection, groups: groups)
      #expect(sliced.cost().parameters < network.cost().parameters)

      let images = randomInputs(3, for: network, seed: seed)
      let expected = try backend.outputs(of: masked, for: images)
      expectSameOutputs(try backend.outputs(of: sliced, for: images), expected)
      changes.append(
        relativeDifference(try backend.outputs(of: network, for: images), expected))
    }
    // The masks do something: single units may be dead, not all of all selections.
    #expect(changes.count { $0 > visibleChange } >= 5, "\(changes)")
  }

  @Test("a network without other channels computes something else")
  func otherChannels() throws {
    let network = try CouplingPattern.paddedShortcut.network()
    let groups = network.channelGroups()
    let images = randomInputs(3, for: network)
    for group in groups where group.isPrunable {
      let (front, back) = (Array(0..<group.width / 2), Array(group.width / 2..<group.width))
      let sliced = try network.pruned(ChannelSelection(kept: [group.id: front]), groups: groups)
      let masked = try network.masked(ChannelSelection(kept: [group.id: back]), groups: groups)
      let difference = relativeDifference(
        try TestBackend.reference.outputs(of: sliced, for: images),
        try TestBackend.reference.outputs(of: masked, for: images))
      #expect(difference > visibleChange, "\(group.name)")
    }
  }

  @Test("each group is removed alone, down to any one unit", arguments: CouplingPattern.allCases)
  func singleUnits(pattern: CouplingPattern) throws {
    let network = try pattern.network(seed: 9)
    let groups = network.channelGroups()
    let images = randomInputs(2, for: network)
    for group in groups where group.isPrunable {
      for unit in [0, group.width / 2, group.width - 1] {
        let selection = ChannelSelection(kept: [group.id: [unit]])
        expectSameOutputs(
          try TestBackend.reference.outputs(
            of: network.pruned(selection, groups: groups), for: images),
          try TestBackend.reference.outputs(
            of: network.masked(selection, groups: groups), for: images))
      }
    }
  }

  @Test(
    "the pruned network has the widths that were asked for",
    arguments: CouplingPattern.allCases.filter { !$0.regroups })
  func widths(pattern: CouplingPattern) throws {
    for seed in Self.seeds {
      var generator = SeededGenerator(seed: seed)
      let network = try pattern.network()
      let groups = network.channelGroups()
      // A depthwise convolution of one channel is an ordinary one, and ties nothing.
      let selection = ChannelSelection.random(groups, minimum: 2, using: &generator)
      let sliced = try network.pruned(selection, groups: groups)
      let expected = selection.widths(groups)
      #expect(sliced.channelGroups().map(\.width).sorted() == expected.sorted())
      #expect(expected != groups.map(\.width))
    }
  }

  @Test("costs after surgery are what the polynomials say", arguments: CouplingPattern.allCases)
  func costs(pattern: CouplingPattern) throws {
    let network = try pattern.network()
    let groups = network.channelGroups()
    let model = network.costModel(groups: groups)
    var generator = SeededGenerator(seed: 17)
    for _ in 0..<25 {
      let selection = ChannelSelection.random(groups, using: &generator)
      try expectCost(of: network, selection, groups, model)
    }
  }

  @Test("a pruned network survives its file", arguments: CouplingPattern.allCases)
  func roundTrip(pattern: CouplingPattern) throws {
    // Values stand in the order of a file first.
    var written = try pattern.network()
    written.metadata.opset = 14  // the first with HardSwish
    let network = try ONNXModel.decode(ONNXModel.encode(written), name: "whole")
    let groups = network.channelGroups()
    var generator = SeededGenerator(seed: 23)
    for _ in 0..<5 {
      let selection = ChannelSelection.random(groups, using: &generator)
      let sliced = try network.pruned(selection, groups: groups)
      var again = try ONNXModel.decode(ONNXModel.encode(sliced), name: "sliced")
      again.metadata = sliced.metadata
      #expect(again == sliced)
      #expect(again != network)
    }
  }
}

/// Expects the polynomials' costs of a selection's widths to be those of the pruned network.
func expectCost(
  of network: Network, _ selection: ChannelSelection, _ groups: [ChannelGroup],
  _ model: CostModel, sourceLocation: SourceLocation = #_sourceLocation
) throws {
  let widths = selection.widths(groups)
  let cost = try network.pruned(selection, groups: groups).cost()
  #expect(model.macs.value(widths: widths) == cost.macs.count, sourceLocation: sourceLocation)
  #expect(
    model.parameters.value(widths: widths) == cost.parameters.count,
    sourceLocation: sourceLocation)
  #expect(
    model.modelBytes.value(widths: widths) == cost.modelBytes.count,
    sourceLocation: sourceLocation)
  #expect(cost.parameters < network.cost().parameters, sourceLocation: sourceLocation)
}
