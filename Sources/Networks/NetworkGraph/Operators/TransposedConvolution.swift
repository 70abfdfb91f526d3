/// The transpose of a convolution: every input element adds a scaled kernel to the output.
public struct TransposedConvolution: Sendable, Hashable {
  /// Per spatial axis.
  public var kernel: [Int]
  public var strides: [Int]
  public var dilations: [Int]
  /// Elements cut off before and after, per spatial axis.
  public var padsBefore: [Int]
  public var padsAfter: [Int]
  /// Elements added at the end, per spatial axis.
  public var outputPadding: [Int]
  public var groups: Int

  public init(
    kernel: [Int], strides: [Int]? = nil, dilations: [Int]? = nil, padsBefore: [Int]? = nil,
    padsAfter: [Int]? = nil, outputPadding: [Int]? = nil, groups: Int = 1
  ) {
    let ones = kernel.map { _ in 1 }
    let zeros = kernel.map { _ in 0 }
    self.kernel = kernel
    self.strides = strides ?? ones
    self.dilations = dilations ?? ones
    self.padsBefore = padsBefore ?? zeros
    self.padsAfter = padsAfter ?? zeros
    self.outputPadding = outputPadding ?? zeros
    self.groups = groups
  }
}

extension Convolution {
  /// What takes a map of this convolution's outputs back to one of its inputs, with the same weight:
  /// its transpose.
  ///
  /// - Parameters:
  ///   - input: The shape that the convolution reads, `[N, C, spatial…]`.
  ///   - output: The shape that it writes.
  public func transposed(from input: Shape, to output: Shape) -> TransposedConvolution {
    var result = TransposedConvolution(
      kernel: kernel, strides: strides, dilations: dilations, padsBefore: padsBefore,
      padsAfter: padsAfter, groups: groups)
    // What no window reached.
    result.outputPadding = kernel.indices.map { axis in
      let window = dilations[axis] * (kernel[axis] - 1) + 1
      let reached =
        strides[axis] * (output[axis + 2].perImage - 1) + window - padsBefore[axis]
        - padsAfter[axis]
      return input[axis + 2].perImage - reached
    }
    return result
  }
}

extension TransposedConvolution: OperatorRules {
  func outputShape(of inputs: [Shape?]) throws -> Shape {
    let x = try inputs.required(0, "x", minimumRank: 3)
    let weight = try inputs.required(1, "weight")
    let spatial = x.rank - 2
    guard weight.rank == x.rank,
      [kernel, strides, dilations, padsBefore, padsAfter, outputPadding]
        .allSatisfy({ $0.count == spatial })
    else {
      throw NetworkError(
        .shapeMismatch, "x \(x), weight \(weight) and kernel \(kernel) differ in rank")
    }
    let channels = try x.extent(1, "x")
    guard groups > 0, try weight.extent(0, "weight") == channels, channels % groups == 0,
      try kernel.indices.allSatisfy({ try weight.extent($0 + 2, "weight") == kernel[$0] })
    else {
      throw NetworkError(
        .shapeMismatch,
        "weight \(weight) with \(groups) groups and kernel \(kernel) does not fit x \(x)")
    }
    let outputs = try weight.extent(1, "weight") * groups
    if let bias = inputs.optional(2), bias != Shape([outputs]) {
      throw NetworkError(.shapeMismatch, "bias \(bias) does not fit \(outputs) output channels")
    }
    var result: [Dimension] = [x[0], .fixed(outputs)]
    for axis in 0..<spatial {
      let window = dilations[axis] * (kernel[axis] - 1) + 1
      let extent =
        strides[axis] * (try x.extent(axis + 2, "x") - 1) + outputPadding[axis] + window
        - padsBefore[axis] - padsAfter[axis]
      guard extent > 0, strides[axis] > 0, dilations[axis] > 0 else {
        throw NetworkError(
          .shapeMismatch, "pads \(padsBefore), \(padsAfter) leave nothing of x \(x)")
      }
      result.append(.fixed(extent))
    }
    return Shape(result)
  }

  func macs(_ node: Node, in network: Network) -> AxisProduct? {
    node.inputs[0].flatMap { layerMACs(node, in: network, positions: network[$0].shape) }
  }

  func weightAxes(_ node: Node, in network: Network) -> WeightAxes {
    guard let weight = node.inputs[1], !inputBlocks(network, node).goWhole else {
      return WeightAxes()
    }
    return WeightAxes(outputs: [AxisID(weight, 1)], inputs: [AxisID(weight, 0)])
  }

  func couple(_ node: Node, in network: Network, into coupling: inout ChannelCoupling) {
    guard let x = node.inputs[0], let weight = node.inputs[1] else { return }
    let output = AxisID.channel(node.output)
    if node.inputs.count > 2, let bias = node.inputs[2] { coupling.tie(output, AxisID(bias, 0)) }
    coupling.tie(.channel(x), AxisID(weight, 0))
    let blocks = inputBlocks(network, node)
    let size = coupling.extent(output) / max(groups, 1)
    if blocks.goWhole {
      coupling.register(output)
      for channel in 0..<coupling.extent(output) {
        let first = channel / size * blocks.size
        coupling.tie(.channel(x), index: first, output, index: channel)
      }
      coupling.tieWithin(.channel(x), blocks)
    } else {
      if groups > 1 { coupling.tieWithin(.channel(x), blocks) }
      for channel in 0..<coupling.extent(output) {
        coupling.tie(output, index: channel, AxisID(weight, 1), index: channel % size)
      }
    }
  }

  func pruned(
    _ node: Node, in network: Network, keeping kept: (AxisID) -> [Int]?
  ) -> Operator {
    var result = self
    result.groups = inputBlocks(network, node).groups(of: node, keeping: kept)
    return .transposedConvolution(result)
  }

  private func inputBlocks(_ network: Network, _ node: Node) -> ChannelBlocks {
    ChannelBlocks(groups: groups, ofInput: node, in: network)
  }
}
