import NetworkGraph
import NetworkTestSupport
import PruningTestSupport
import Surgery
import Tensors
import TestSupport
import Testing

/// What selections mean, and which are refused.
@Suite(.tags(.pure))
struct ChannelSelectionTests {
  @Test("removing nothing is identity", arguments: CouplingPattern.allCases)
  func identity(pattern: CouplingPattern) throws {
    let network = try pattern.network()
    let groups = network.channelGroups()
    let whole = groups.map { ($0.id, Array(0..<$0.width)) }
    for selection in [
      ChannelSelection(), ChannelSelection(kept: Dictionary(uniqueKeysWithValues: whole)),
    ] {
      #expect(try network.pruned(selection, groups: groups) == network)
      #expect(try network.masked(selection, groups: groups) == network)
      #expect(selection.widths(groups) == groups.map(\.width))
    }
  }

  @Test("masking keeps every value's shape and every node", arguments: CouplingPattern.allCases)
  func maskedShapes(pattern: CouplingPattern) throws {
    var generator = SeededGenerator(seed: 2)
    let network = try pattern.network()
    let groups = network.channelGroups()
    let selection = ChannelSelection.random(groups, using: &generator)
    let masked = try network.masked(selection, groups: groups)
    // Products of two activations get gathers in front of them.
    let names = network.nodes.map(\.name)
    #expect(masked.nodes.map(\.name).filter(Set(names).contains) == names)
    let values = masked.values.prefix(network.values.count)
    #expect(values.map(\.shape) == network.values.map(\.shape))
    #expect(values.map(\.constant?.shape) == network.values.map(\.constant?.shape))
    #expect(masked != network)
    var inferred = masked
    try inferred.inferShapes()
    #expect(inferred == masked)
  }

  @Test("masking zeroes the rows and columns of what is removed, and nothing else")
  func maskedElements() throws {
    let network = try CouplingPattern.residual.network()
    let groups = network.channelGroups()
    let inner = try #require(groups.first { $0.name == "inner" })
    let masked = try network.masked(
      ChannelSelection(kept: [inner.id: [0, 2, 4, 5]]), groups: groups)
    func zeros(_ name: String, axis: Int) throws -> [Int] {
      let value = try #require(masked.values.first { $0.name == name }?.constant)
      return (0..<value.shape[axis]).filter { index in
        value.gathering([index], axis: axis).elements.allSatisfy { $0 == 0 }
      }
    }
    #expect(try zeros("inner.weight", axis: 0) == [1, 3])
    #expect(try zeros("inner.bias", axis: 0) == [1, 3])
    #expect(try zeros("norm.scale", axis: 0) == [1, 3])
    #expect(try zeros("norm.shift", axis: 0) == [1, 3])
    #expect(try zeros("outer.weight", axis: 1) == [1, 3])
    #expect(try zeros("outer.weight", axis: 0).isEmpty)
    #expect(try zeros("stem.weight", axis: 0).isEmpty)
  }

  @Test("surgery keeps the chosen filters, in their order")
  func slicedElements() throws {
    let network = try CouplingPattern.depthwiseMultiplier.network()
    let groups = network.channelGroups()
    let units = [1, 6, 7]
    let sliced = try network.pruned(ChannelSelection(kept: [1: units]), groups: groups)
    for (name, axis, indices) in [
      ("stem.weight", 0, units), ("stem.bias", 0, units),
      ("depthwise.weight", 0, [2, 3, 12, 13, 14, 15]), ("norm.mean", 0, [2, 3, 12, 13, 14, 15]),
      ("pointwise.weight", 1, [2, 3, 12, 13, 14, 15]),
    ] {
      let before = try #require(network.values.first { $0.name == name }?.constant)
      let after = try #require(sliced.values.first { $0.name == name })
      #expect(after.constant == before.gathering(indices, axis: axis), "\(name)")
      #expect(after.shape == after.constant.map { Shape($0.shape) }, "\(name)")
    }
    let depthwise = try #require(sliced.nodes.first { $0.name == "depthwise" })
    #expect(
      depthwise.operation
        == .convolution(
          Convolution(kernel: [3, 3], padsBefore: [1, 1], padsAfter: [1, 1], groups: 3)))
  }

  @Test("attributes that count channels follow: pads, slices and target shapes")
  func attributes() throws {
    func operation(_ name: String, of network: Network) -> Operator? {
      network.nodes.first { $0.name == name }?.operation
    }
    var network = try CouplingPattern.paddedShortcut.network()
    var groups = network.channelGroups()
    // Group 3 is the first border: units 0 and 1 in front of the shortcut, 2 and 3 behind it.
    let border = try network.pruned(ChannelSelection(kept: [3: [1, 2, 3]]), groups: groups)
    #expect(
      operation("pad0", of: border) == .pad(Pad(before: [0, 1, 0, 0], after: [0, 2, 0, 0])))
    #expect(
      operation("pad1", of: border) == .pad(Pad(before: [0, 4, 0, 0], after: [0, 4, 0, 0])))
    let both = try network.pruned(ChannelSelection(kept: [3: [3], 5: [0, 7]]), groups: groups)
    #expect(operation("pad0", of: both) == .pad(Pad(before: [0, 0, 0, 0], after: [0, 1, 0, 0])))
    #expect(operation("pad1", of: both) == .pad(Pad(before: [0, 1, 0, 0], after: [0, 1, 0, 0])))

    network = try CouplingPattern.channelSlice.network()
    groups = network.channelGroups()
    // Group 1 holds channels 0, 5, 6 and 7, group 2 the slice's 1, 2, 3 and 4.
    let sliced = try network.pruned(
      ChannelSelection(kept: [1: [1, 2], 2: [0, 1, 3]]), groups: groups)
    #expect(
      operation("slice", of: sliced) == .slice(Slice(ranges: [.init(axis: 1, start: 0, end: 3)])))

    network = try CouplingPattern.reshape.network()
    groups = network.channelGroups()
    let reshaped = try network.pruned(ChannelSelection(kept: [1: [2, 5]]), groups: groups)
    #expect(
      operation("rows", of: reshaped) == .reshape(Reshape(target: .batched([2, 36]))))
    #expect(operation("flat", of: reshaped) == .reshape(Reshape(target: .batched([72]))))
  }

  @Test(
    "selections that cannot be followed are refused, by either way of pruning",
    arguments: [
      ([0: [0]], .protectedGroup, "group \"input\" cannot be pruned: it is the network's input"),
      ([3: []], .protectedGroup, "group \"classifier\" cannot be pruned"),
      ([2: []], .emptyGroup, "group \"inner\" would lose all its channels"),
      ([2: [1, 0]], .invalidUnit, "units [1, 0] of group \"inner\""),
      ([2: [1, 1]], .invalidUnit, "not sorted within 0..<6"),
      ([2: [6]], .invalidUnit, "not sorted within 0..<6"),
      ([2: [-1, 3]], .invalidUnit, "not sorted within 0..<6"),
      // As many units as the group has, but not its units.
      ([2: [5, 4, 3, 2, 1, 0]], .invalidUnit, "not sorted within 0..<6"),
      ([2: [1, 2, 3, 4, 5, 6]], .invalidUnit, "not sorted within 0..<6"),
      ([1: [0], 2: Array(0...6)], .invalidUnit, "not sorted within 0..<6"),
      ([0: [2, 1, 0]], .protectedGroup, "group \"input\" cannot be pruned"),
      ([4: [0]], .invalidUnit, "has 4 groups, none with id 4"),
      ([-1: [0]], .invalidUnit, "none with id -1"),
    ] as [([Int: [Int]], SurgeryError.Code, String)])
  func refused(kept: [Int: [Int]], code: SurgeryError.Code, phrase: String) throws {
    let network = try CouplingPattern.residual.network()
    let groups = network.channelGroups()
    let selection = ChannelSelection(kept: kept)
    let attempts = [network.pruned, network.masked]
    for attempt in attempts {
      let error = try #require(throws: SurgeryError.self) { try attempt(selection, groups) }
      #expect(error.code == code)
      #expect(error.message.contains(phrase), "\(error.message)")
    }
  }
}
