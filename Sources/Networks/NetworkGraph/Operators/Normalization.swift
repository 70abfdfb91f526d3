/// Normalisation by the statistics of the value itself:
/// y = scale · (x − mean) / √(variance + ε) + shift.
public struct Normalization: Sendable, Hashable {
  /// Over which elements mean and variance are taken.
  public enum Extent: Sendable, Hashable {
    /// All axes from `axis` on; scale and shift broadcast to them.
    case layer(axis: Int)
    /// The axes after the channel, each channel alone; scale and shift are `[C]`.
    case instance
    /// The axes after the channel and the channels of a group; scale and shift are `[C]`.
    case group(Int)
  }

  public var extent: Extent
  public var epsilon: Float
  /// Along axes that lost channels by masking, those that count; empty in a network as read.
  public var counted: [Int: [Int]] = [:]

  public init(_ extent: Extent, epsilon: Float = 1e-5) {
    self.extent = extent
    self.epsilon = epsilon
  }

  /// The ONNX operator's name.
  public var name: String {
    switch extent {
    case .layer: "LayerNormalization"
    case .instance: "InstanceNormalization"
    case .group: "GroupNormalization"
    }
  }
}

extension Normalization: OperatorRules {
  func outputShape(of inputs: [Shape?]) throws -> Shape {
    switch extent {
    case .layer(let axis):
      let x = try inputs.required(0, "x")
      try x.check(axis: axis, "normalising over")
      try x.check(axesFrom: axis, "normalising over")
      for (place, role) in [(1, "scale"), (2, "shift")] {
        guard let parameter = inputs.optional(place) else { continue }
        let normalised = Shape(Array(x.dimensions[axis...]))
        guard try Shape.broadcast(parameter, normalised) == normalised else {
          throw NetworkError(.shapeMismatch, "\(role) \(parameter) does not fit \(normalised)")
        }
      }
      return x
    case .instance, .group:
      let x = try inputs.required(0, "x", minimumRank: 3)
      let channels = try x.extent(1, "x")
      try x.check(axesFrom: 2, "normalising over")
      if case .group(let groups) = extent, groups < 1 || channels % groups != 0 {
        throw NetworkError(.shapeMismatch, "\(groups) groups do not divide \(channels) channels")
      }
      for (place, role) in [(1, "scale"), (2, "shift")] {
        guard let parameter = inputs.optional(place), parameter != Shape([channels]) else {
          continue
        }
        throw NetworkError(
          .shapeMismatch, "\(role) \(parameter) does not fit \(channels) channels of x \(x)")
      }
      return x
    }
  }

  func couple(_ node: Node, in network: Network, into coupling: inout ChannelCoupling) {
    guard let x = node.inputs[0] else { return }
    let parameters = node.inputs.dropFirst().compactMap(\.self)
    switch extent {
    case .layer:
      coupling.tieEqualAxes(x, node.output)
      coupling.tieBroadcast(parameters, node.output)
    case .instance:
      coupling.tie(.channel(x), .channel(node.output))
      for parameter in parameters { coupling.tie(.channel(x), AxisID(parameter, 0)) }
    case .group(let groups):
      coupling.tie(.channel(x), .channel(node.output))
      for parameter in parameters { coupling.tie(.channel(x), AxisID(parameter, 0)) }
      let blocks = ChannelBlocks(groups: groups, channels: coupling.extent(.channel(x)))
      coupling.tieWithin(.channel(x), blocks)
    }
  }

  func pruned(
    _ node: Node, in network: Network, keeping kept: (AxisID) -> [Int]?
  ) -> Operator {
    guard case .group(let groups) = extent, let x = node.inputs[0],
      let indices = kept(.channel(x)), let channels = network[x].shape[1].extent
    else { return node.operation }
    let blocks = ChannelBlocks(groups: groups, channels: channels)
    guard blocks.goWhole else { return node.operation }
    var result = self
    result.extent = .group(indices.count / blocks.size)
    return .normalization(result)
  }

  func masked(
    _ node: Node, in network: Network, keeping kept: (AxisID) -> [Int]?
  ) -> Operator {
    guard let x = node.inputs[0] else { return node.operation }
    let first =
      switch extent {
      case .layer(let axis): axis
      case .group: 1
      case .instance: network[x].shape.rank
      }
    var result = self
    for axis in first..<max(first, network[x].shape.rank) {
      result.counted[axis] = kept(AxisID(x, axis))
    }
    return .normalization(result)
  }
}

/// Division by a power of the squares of neighbouring channels.
///
/// y = x / (bias + alpha / size · Σ x²)^beta over `size` channels around each.
public struct LocalResponseNormalization: Sendable, Hashable {
  public var size: Int
  public var alpha: Float
  public var beta: Float
  public var bias: Float

  public init(size: Int, alpha: Float = 1e-4, beta: Float = 0.75, bias: Float = 1) {
    self.size = size
    self.alpha = alpha
    self.beta = beta
    self.bias = bias
  }
}

extension LocalResponseNormalization: OperatorRules {
  func outputShape(of inputs: [Shape?]) throws -> Shape {
    let x = try inputs.required(0, "x", minimumRank: 3)
    guard size > 0 else { throw NetworkError(.shapeMismatch, "a window of \(size) channels") }
    return x
  }

  func couple(_ node: Node, in network: Network, into coupling: inout ChannelCoupling) {
    guard let x = node.inputs[0] else { return }
    coupling.tieEqualAxes(x, node.output)
    coupling.protect(.channel(x), "\"\(node.name)\" mixes neighbouring channels")
  }
}
