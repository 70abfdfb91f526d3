/// Convolution over the axes after the channel.
public struct Convolution: Sendable, Hashable {
  /// Per spatial axis.
  public var kernel: [Int]
  public var strides: [Int]
  public var dilations: [Int]
  /// Zeros before and after, per spatial axis.
  public var padsBefore: [Int]
  public var padsAfter: [Int]
  public var groups: Int

  public init(
    kernel: [Int], strides: [Int]? = nil, dilations: [Int]? = nil, padsBefore: [Int]? = nil,
    padsAfter: [Int]? = nil, groups: Int = 1
  ) {
    let ones = kernel.map { _ in 1 }
    let zeros = kernel.map { _ in 0 }
    self.kernel = kernel
    self.strides = strides ?? ones
    self.dilations = dilations ?? ones
    self.padsBefore = padsBefore ?? zeros
    self.padsAfter = padsAfter ?? zeros
    self.groups = groups
  }
}

extension Convolution: OperatorRules {
  func outputShape(of inputs: [Shape?]) throws -> Shape {
    let x = try inputs.required(0, "x", minimumRank: 3)
    let weight = try inputs.required(1, "weight")
    let spatial = x.rank - 2
    guard weight.rank == x.rank, kernel.count == spatial, strides.count == spatial,
      dilations.count == spatial, padsBefore.count == spatial, padsAfter.count == spatial
    else {
      throw NetworkError(
        .shapeMismatch, "x \(x), weight \(weight) and kernel \(kernel) differ in rank")
    }
    let channels = try x.extent(1, "x")
    let outputs = try weight.extent(0, "weight")
    guard groups > 0, try weight.extent(1, "weight") * groups == channels, outputs % groups == 0,
      try kernel.indices.allSatisfy({ try weight.extent($0 + 2, "weight") == kernel[$0] })
    else {
      throw NetworkError(
        .shapeMismatch,
        "weight \(weight) with \(groups) groups and kernel \(kernel) does not fit x \(x)")
    }
    if inputs.count > 2, let bias = inputs[2], bias != Shape([outputs]) {
      throw NetworkError(.shapeMismatch, "bias \(bias) does not fit \(outputs) output channels")
    }
    var result: [Dimension] = [x[0], .fixed(outputs)]
    for axis in 0..<spatial {
      let window = dilations[axis] * (kernel[axis] - 1) + 1
      let room = try x.extent(axis + 2, "x") + padsBefore[axis] + padsAfter[axis] - window
      guard room >= 0, strides[axis] > 0, dilations[axis] > 0 else {
        throw NetworkError(.shapeMismatch, "kernel \(kernel) is larger than the padded input \(x)")
      }
      result.append(.fixed(room / strides[axis] + 1))
    }
    return Shape(result)
  }

  func macs(_ node: Node, in network: Network) -> AxisProduct? {
    layerMACs(node, in: network, positions: network[node.output].shape)
  }

  func weightAxes(_ node: Node, in network: Network) -> WeightAxes {
    guard let weight = node.inputs[1], !inputBlocks(network, node).goWhole else {
      return WeightAxes()
    }
    return WeightAxes(outputs: [AxisID(weight, 0)], inputs: [AxisID(weight, 1)])
  }

  func couple(_ node: Node, in network: Network, into coupling: inout ChannelCoupling) {
    guard let x = node.inputs[0], let weight = node.inputs[1] else { return }
    let outputs = AxisID(weight, 0)
    coupling.tie(outputs, .channel(node.output))
    if node.inputs.count > 2, let bias = node.inputs[2] { coupling.tie(outputs, AxisID(bias, 0)) }
    coupling.tieGroups(
      inputBlocks(network, node), input: .channel(x), weightInput: AxisID(weight, 1),
      output: outputs)
  }

  func pruned(
    _ node: Node, in network: Network, keeping kept: (AxisID) -> [Int]?
  ) -> Operator {
    var result = self
    result.groups = inputBlocks(network, node).groups(of: node, keeping: kept)
    return .convolution(result)
  }

  private func inputBlocks(_ network: Network, _ node: Node) -> ChannelBlocks {
    ChannelBlocks(groups: groups, ofInput: node, in: network)
  }
}

extension ChannelBlocks {
  /// The blocks of a layer's input channels. A layer in one group has none to keep whole.
  init(groups: Int, ofInput node: Node, in network: Network) {
    let channels = node.inputs[0].flatMap { network[$0].shape[1].extent } ?? 0
    self.init(groups: groups, channels: channels)
  }

  /// The number of groups of a layer after channels of its input were removed.
  func groups(of node: Node, keeping kept: (AxisID) -> [Int]?) -> Int {
    guard goWhole, let x = node.inputs[0], let indices = kept(.channel(x)) else { return groups }
    return indices.count / size
  }
}

extension ChannelCoupling {
  /// Ties the inputs and outputs of a layer in groups.
  ///
  /// - Parameters:
  ///   - blocks: The groups of input channels.
  ///   - weightInput: The weight's axis of one group's inputs.
  ///   - output: All outputs.
  mutating func tieGroups(
    _ blocks: ChannelBlocks, input: AxisID, weightInput: AxisID, output: AxisID
  ) {
    guard blocks.groups > 1 else { return tie(input, weightInput) }
    let outputs = ChannelBlocks(groups: blocks.groups, channels: extent(output))
    if blocks.goWhole {
      // Group g's inputs make group g's outputs: they stay or go as one.
      for group in 0..<blocks.groups {
        let first = (group * blocks.size, group * outputs.size)
        for place in 0..<blocks.size {
          tie(input, index: first.0 + place, output, index: first.1)
        }
        for place in 0..<outputs.size {
          tie(output, index: first.1, output, index: first.1 + place)
        }
      }
    } else {
      // Every group loses the same places, so that one slice of the weight serves all.
      for channel in 0..<extent(input) {
        tie(input, index: channel, weightInput, index: channel % blocks.size)
      }
      for channel in 0..<extent(output) {
        tie(output, index: channel, output, index: channel % outputs.size)
      }
    }
  }
}

/// MACs of a layer: the weight's elements times the positions it is applied at.
func layerMACs(_ node: Node, in network: Network, positions shape: Shape) -> AxisProduct? {
  guard let weight = node.inputs[1] else { return nil }
  var places = shape.dimensions
  places.remove(at: 1)
  return AxisProduct(
    factor: Int64(Shape(places).elementsPerImage),
    axes: (0..<network[weight].shape.rank).map { AxisID(weight, $0) })
}
