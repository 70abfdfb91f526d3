import NetworkGraph
import NetworkTestSupport
import Tensors
import TestSupport
import Testing

/// Which channels go together, pattern by pattern.
@Suite(.tags(.pure))
struct ChannelGroupTests {
  /// What every pattern begins and ends with.
  static let first = "3: nothing → stem (it is the network's input)"
  static let last = "3: classifier → nothing (it is the network's output)"

  static let expected: [CouplingPattern: [String]] = [
    .chain: [
      "8: stem → clip.conv", "5: clip.conv → leakyrelu.conv", "5: leakyrelu.conv → sigmoid.conv",
      "5: sigmoid.conv → tanh.conv", "5: tanh.conv → hardsigmoid.conv",
      "5: hardsigmoid.conv → hardswish.conv", "5: hardswish.conv → last", "4: last → classifier",
    ],
    .residual: ["8: stem+outer → inner+classifier", "6: inner → outer"],
    .convolutionShortcut: [
      "8: stem → inner+shortcut", "6: inner → outer", "10: outer+shortcut → classifier",
    ],
    .paddedShortcut: [
      "8: stem+outer0+outer1 → inner0+inner1+classifier", "6: inner0 → outer0",
      "4: outer0+outer1 → inner1+classifier", "6: inner1 → outer1", "8: outer1 → classifier",
    ],
    .depthwise: ["8: stem → pointwise", "5: pointwise → classifier"],
    .depthwiseMultiplier: ["8: stem → pointwise", "5: pointwise → classifier"],
    .flatten: ["8: stem → hidden", "7: hidden → classifier"],
    .reshape: ["8: stem → hidden", "7: hidden → classifier"],
    .groupedConvolution: ["4: stem → grouped", "3: grouped → next", "5: next → classifier"],
    .channelSlice: [
      "4: stem → wide", "4: stem → narrow+wide", "4: narrow+wide → classifier",
    ],
    .foldedHalves: ["4: stem → next", "4: next → classifier"],
    .constantAdd: ["8: stem → next", "4: next → classifier"],
    .sharedWeights: ["8: stem+once+twice → once+twice+classifier"],
    .channelSoftmax: [
      "8: stem → next", #"4: next → classifier ("across" normalises over its channels)"#,
    ],
    .channelMean: [
      "8: stem → next", #"4: next → nothing ("across" takes the mean over its channels)"#,
      "1: nothing → classifier (no layer with weights writes it)",
    ],
    .twoHeads: [
      "8: stem → middle+early", "6: middle → classifier",
      "2: early → nothing (it is the network's output)",
    ],
    .concat: ["8: stem → a+next", "4: a → b+next", "5: b → next", "4: next → classifier"],
    .concatSelf: ["8: stem → a", "4: a → next", "4: next → classifier"],
    .concatInput: ["8: stem → next", "4: next → classifier"],
    .split: ["3: stem → a", "5: stem → next", "4: a → next", "4: next → classifier"],
    .shuffle: ["8: stem → next", "4: next → classifier"],
    .gatherChannels: [
      "1: stem → a+next (its channels can only stay or go together)",
      "5: stem → next",
      "2: stem → a+next",
      "8: a → next",
      "4: next → classifier",
    ],
    .gatedHalves: ["8: stem → wide", "5: wide → next", "4: next → classifier"],
    .shuffleNetV2: [
      "4: stem → next",
      "4: stem → narrow",
      "4: narrow → wide",
      "4: wide → next",
      "4: next → classifier",
    ],
    .shuffleNetV1: ["4: stem+last → first+next", "2: first → last", "4: next → classifier"],
    .squeezeExcite: ["8: stem+wide → narrow+next", "3: narrow → wide", "4: next → classifier"],
    .expand: ["8: stem+wide → narrow+next", "3: narrow → wide", "4: next → classifier"],
    .transposedConvolution: ["8: stem → up", "6: up → next", "4: next → classifier"],
    .groupedTransposedConvolution: ["4: stem → up", "3: up → next", "4: next → classifier"],
    .depthwiseTransposedConvolution: ["8: stem → next", "4: next → classifier"],
    .resNeXt: ["8: stem+wide → narrow+next", "4: narrow → wide", "4: next → classifier"],
    .groupNormWhole: ["8: stem → inner", "4: inner → next", "4: next → classifier"],
    .groupNormPlaces: ["8: stem → inner", "4: inner → next", "4: next → classifier"],
    .instanceNorm: ["8: stem → inner", "6: inner → next", "4: next → classifier"],
    .parametricRelu: ["8: stem → inner", "6: inner → next", "4: next → classifier"],
    .layerScale: ["8: stem+inner → inner+next", "4: next → classifier"],
    .convNeXt: ["8: stem+narrow → wide+next", "12: wide → narrow", "4: next → classifier"],
    .attention: [
      "8: stem+projection → query+key+value+classifier",
      "4: query+key → nothing",
      "4: value → projection",
    ],
    .sigmoidProduct: [
      "8: stem → a+b",
      "6: a+b → nothing",
      "36: nothing → classifier (no layer with weights writes it)",
    ],
    .depthToSpaceSlow: ["8: stem → wide", "3: wide → next", "4: next → classifier"],
    .depthToSpaceFast: ["8: stem → wide", "3: wide → next", "4: next → classifier"],
    .spaceToDepth: ["8: stem → next", "4: next → classifier"],
    .resize: ["8: stem → next", "4: next → classifier"],
    .reshapeHeads: ["4: stem → next", "4: next → classifier"],
    .detectionHead: [
      "8: stem → inner",
      "6: inner → boxes+classifier",
      "5: boxes → nothing (it is the network's output)",
    ],
    .twoInputs: [
      "8: stem+hidden → next",
      "5: nothing → hidden (it is the network's input)",
      "4: next → classifier",
    ],
  ]

  @Test("channels are grouped as the pattern says", arguments: CouplingPattern.allCases)
  func groups(of pattern: CouplingPattern) throws {
    let network = try pattern.network()
    let groups = network.channelGroups()
    let expected = try #require(Self.expected[pattern])
    // One pattern reads its input twice.
    let first =
      pattern == .concatInput
      ? Self.first.replacing("stem", with: "stem+next", maxReplacements: 1) : Self.first
    #expect(groups.map { $0.summary(in: network) } == [first] + expected + [Self.last])
    #expect(groups.map(\.id) == Array(groups.indices))
    #expect(Set(groups.map(\.name)).count == groups.count)
    #expect(groups.first?.name == "input")
    #expect(groups.last?.name == "classifier")
  }

  @Test("groups partition the channels of every weight", arguments: CouplingPattern.allCases)
  func partition(pattern: CouplingPattern) throws {
    try expectPartition(pattern.network())
  }

  @Test("a channel of a padded shortcut meets the channel an offset further in the sum")
  func paddedShortcut() throws {
    let network = try CouplingPattern.paddedShortcut.network()
    let groups = network.channelGroups()
    func units(_ group: Int, _ weight: String, axis: Int = 0) throws -> [Int]? {
      let member = groups[group].member(on: AxisID(try #require(network.value(weight)), axis))
      #expect(member?.multiplicity ?? 1 == 1)
      return member?.indices.flatMap { $0 }
    }
    // Groups 1, 3 and 5 are those of the sums, from the inside out.
    #expect(try units(1, "stem.weight") == Array(0..<8))
    #expect(try units(1, "outer0.weight") == Array(2..<10))
    #expect(try units(1, "outer1.weight") == Array(6..<14))
    #expect(try units(1, "classifier.weight", axis: 1) == Array(6..<14))
    #expect(try units(3, "stem.weight") == nil)
    #expect(try units(3, "outer0.weight") == [0, 1, 10, 11])
    #expect(try units(3, "outer1.bias") == [4, 5, 14, 15])
    #expect(try units(5, "outer0.weight") == nil)
    #expect(try units(5, "outer1.weight") == [0, 1, 2, 3, 16, 17, 18, 19])
    #expect(groups[2].isInner && groups[4].isInner && !groups[1].isInner && !groups[3].isInner)
  }

  @Test("a channel owns a block where a flatten or a reshape unrolls it")
  func blocks() throws {
    let blocks = (0..<8).map { Array($0 * 36..<($0 + 1) * 36) }
    for (pattern, axis) in [(CouplingPattern.flatten, 1), (.reshape, 0)] {
      let network = try pattern.network()
      let weight = try #require(network.value("hidden.weight"))
      let member = network.channelGroups()[1].member(on: AxisID(weight, axis))
      #expect(member?.indices == blocks)
      #expect(member?.multiplicity == 36)
    }
  }

  @Test("a channel owns all that a depthwise convolution makes of it")
  func depthwise() throws {
    for (pattern, count) in [(CouplingPattern.depthwise, 1), (.depthwiseMultiplier, 2)] {
      let network = try pattern.network()
      let group = network.channelGroups()[1]
      let blocks = (0..<8).map { Array($0 * count..<($0 + 1) * count) }
      for (name, axis) in [
        ("depthwise.weight", 0), ("depthwise.bias", 0), ("norm.mean", 0), ("pointwise.weight", 1),
      ] {
        let value = try #require(network.value(name))
        #expect(group.member(on: AxisID(value, axis))?.indices == blocks, "\(name)")
      }
    }
  }

  @Test("channels that are added to each other are one unit")
  func foldedHalves() throws {
    let network = try CouplingPattern.foldedHalves.network()
    let weight = try #require(network.value("stem.weight"))
    let member = network.channelGroups()[1].member(on: AxisID(weight, 0))
    #expect(member?.indices == [[0, 4], [1, 5], [2, 6], [3, 7]])
  }

  @Test("one weight read and written in turn is in its group by both axes")
  func sharedWeights() throws {
    let network = try CouplingPattern.sharedWeights.network()
    let weight = try #require(network.value("shared"))
    let group = network.channelGroups()[1]
    #expect(group.member(on: AxisID(weight, 0)) != nil)
    #expect(group.member(on: AxisID(weight, 1)) != nil)
  }

  @Test("a constant of a sum goes with the channels it is added to")
  func constantAdd() throws {
    let network = try CouplingPattern.constantAdd.network()
    let offsets = try #require(network.value("offsets"))
    let member = network.channelGroups()[1].member(on: AxisID(offsets, 0))
    #expect(member?.indices == (0..<8).map { [$0] })
  }

  @Test("what is broadcast over channels or mixed after a reshape is protected")
  func protections() throws {
    var builder = NetworkBuilder("broadcast", input: [3, 6, 6])
    let wide = try builder.convolution(builder.input, outputs: 8, name: "wide")
    let single = try builder.convolution(builder.input, outputs: 1, name: "single")
    let sum = try builder.classifier(builder.add(wide, single, name: "sum"))
    let groups = sum.channelGroups().filter { $0.producers == [1] }
    #expect(groups.map(\.width) == [1])
    #expect(
      groups.first?.protection == "\"sum\" broadcasts it over the channels of another value")
    #expect(sum.channelGroups().filter(\.isPrunable).map(\.name) == ["wide"])

    builder = NetworkBuilder("mixed", input: [3, 6, 6])
    let x = try builder.convolution(builder.input, outputs: 8, name: "wide")
    let mixed = try builder.apply(
      .reshape(Reshape(target: .batched([4, 12, 6]))), to: [x], name: "mix")
    let mixing = try builder.classifier(mixed).channelGroups()
    #expect(mixing.allSatisfy { !$0.isPrunable })
    #expect(mixing[1].protection == "\"pool\" (GlobalAveragePool) mixes axis 2 of \"mix\"")
  }

  @Test("channels taken in steps are pruned, and what takes them becomes a list")
  func stepped() throws {
    var builder = NetworkBuilder("stepped", input: [3, 6, 6])
    let x = try builder.convolution(builder.input, outputs: 8, name: "wide")
    let slice = Slice(ranges: [.init(axis: 1, start: 0, end: 8, step: 2)])
    let half = try builder.apply(.slice(slice), to: [x], name: "half")
    let network = try builder.classifier(half)
    let group = try #require(network.channelGroups().first { $0.name == "wide" })
    #expect(group.isPrunable && group.width == 4)
    let kept = Operator.slice(slice).pruned(
      network.nodes[1], in: network,
      keeping: { $0 == .channel(x) ? [0, 1, 3, 4, 7] : nil })
    // Channels 0 and 4 are left of 0, 2, 4 and 6, now in places 0 and 3.
    #expect(kept == .gather(Gather(axis: 1, indices: [0, 3])))
  }

  @Test("the output of a network is protected wherever it stands")
  func outputs() throws {
    var builder = NetworkBuilder("tapped", input: [3, 6, 6])
    let x = try builder.convolution(builder.input, outputs: 8, name: "first")
    let y = try builder.convolution(x, outputs: 6, name: "second")
    _ = try builder.convolution(y, outputs: 4, name: "third")
    let free = builder.finished(builder.network.nodes[2].output).channelGroups()
    #expect(free.filter(\.isPrunable).map(\.name) == ["first", "second"])
    let tapped = builder.finished(builder.network.nodes[2].output, x).channelGroups()
    #expect(tapped.filter(\.isPrunable).map(\.name) == ["second"])
  }

  @Test("a chain of five thousand nodes is grouped")
  func longChain() throws {
    var builder = NetworkBuilder("long", input: [2, 1, 1])
    var x = builder.input
    for index in 0..<2500 {
      x = try builder.convolution(x, outputs: 2, kernel: 1, bias: false, name: "conv\(index)")
      x = try builder.relu(x, name: "relu\(index)")
    }
    let groups = builder.finished(x).channelGroups()
    #expect(groups.count == 2501)
    #expect(groups.map(\.name) == ["input"] + (0..<2500).map { "conv\($0)" })
    #expect(groups.dropFirst().dropLast().allSatisfy { $0.isPrunable && $0.width == 2 })

    builder = NetworkBuilder("long", input: [2, 1, 1])
    x = builder.input
    for index in 0..<5000 { x = try builder.relu(x, name: "relu\(index)") }
    x = try builder.convolution(x, outputs: 2, kernel: 1, name: "conv")
    let tied = builder.finished(x).channelGroups()
    #expect(tied.map(\.name) == ["input", "conv"])
    #expect(tied.first?.members.count == 5002)
  }
}

/// Expects every channel of every weight in exactly one group, and of every activation in at most
/// one: those that no weight touches are left out.
func expectPartition(_ network: Network, sourceLocation: SourceLocation = #_sourceLocation) {
  var owners: [AxisID: [Int: Int]] = [:]
  for group in network.channelGroups() {
    #expect(group.width > 0, sourceLocation: sourceLocation)
    for member in group.members {
      let isEven = member.indices.allSatisfy {
        $0.count == member.multiplicity && $0 == $0.sorted()
      }
      #expect(
        isEven && member.indices.count == group.width, "\(group.name)",
        sourceLocation: sourceLocation)
      for index in member.indices.joined() {
        owners[member.axis, default: [:]][index, default: 0] += 1
      }
    }
  }
  let axes = Set(network.channelAxesOfConstants())
  for axis in axes {
    let extent = network[axis.value].shape[axis.axis].extent ?? 0
    let isWhole =
      owners[axis]?.count == extent && owners[axis]?.values.allSatisfy { $0 == 1 } == true
    #expect(
      isWhole, "\(network[axis.value].name), axis \(axis.axis)", sourceLocation: sourceLocation)
  }
  for (axis, counts) in owners where !axes.contains(axis) {
    #expect(network[axis.value].constant == nil, sourceLocation: sourceLocation)
    #expect(counts.values.allSatisfy { $0 == 1 }, sourceLocation: sourceLocation)
    #expect(
      counts.count == network[axis.value].shape[axis.axis].extent, sourceLocation: sourceLocation)
  }
}
