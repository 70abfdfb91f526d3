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
      guard room >= 0, strides[axis] > 0 else {
        throw NetworkError(.shapeMismatch, "kernel \(kernel) is larger than the padded input \(x)")
      }
      result.append(.fixed(room / strides[axis] + 1))
    }
    return Shape(result)
  }

  func macs(inputs: [Shape?], output: Shape) -> Int64 {
    guard let weight = inputs[1] else { return 0 }
    let positions = Shape(Array(output.dimensions[2...])).elementsPerImage
    return Int64(weight.elementsPerImage) * Int64(positions)
  }

  func couple(_ node: Node, in network: Network, into coupling: inout ChannelCoupling) {
    guard let x = node.inputs[0], let weight = node.inputs[1] else { return }
    let shape = network[weight].shape
    let outputs = AxisID(weight, 0)
    coupling.tie(outputs, .channel(node.output))
    if node.inputs.count > 2, let bias = node.inputs[2] { coupling.tie(outputs, AxisID(bias, 0)) }
    if groups == 1 {
      coupling.tie(.channel(x), AxisID(weight, 1))
    } else if shape[1] == .fixed(1) {
      // Depthwise: input channel c makes output channels c·m ..< (c+1)·m.
      coupling.tieBlocks(.channel(x), outputs)
    } else {
      let reason = "grouped convolution \"\(node.name)\" (\(groups) groups) keeps its widths"
      coupling.protect(.channel(x), reason)
      coupling.protect(.channel(node.output), reason)
    }
  }

  func pruned(
    _ node: Node, in network: Network, keeping kept: (AxisID) -> [Int]?
  ) -> Operator {
    guard groups > 1, let x = node.inputs[0], let indices = kept(.channel(x)) else {
      return node.operation
    }
    var result = self
    result.groups = indices.count
    return .convolution(result)
  }
}
