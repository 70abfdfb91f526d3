/// Operators that move elements and compute none.

/// Axes before `axis` become one, axes from `axis` on another.
public struct Flatten: Sendable, Hashable {
  public var axis: Int

  public init(axis: Int = 1) { self.axis = axis }
}

extension Flatten: OperatorRules {
  func outputShape(of inputs: [Shape?]) throws -> Shape {
    let x = try inputs.required(0, "x")
    guard axis == 1, x.rank >= 1, x[0] == .batch else {
      throw NetworkError(
        .unsupported, "flattening x \(x) at axis \(axis): only axis 1 keeps images apart")
    }
    return .batched([x.elementsPerImage])
  }

  func couple(_ node: Node, in network: Network, into coupling: inout ChannelCoupling) {
    guard let x = node.inputs[0] else { return }
    coupling.tieBlocks(.channel(x), .channel(node.output))
  }

  func pruned(
    _ node: Node, in network: Network, keeping kept: (AxisID) -> [Int]?
  ) -> Operator { node.operation }
}

/// The same elements under a target shape, every extent known but the batch's.
public struct Reshape: Sendable, Hashable {
  public var target: Shape

  public init(target: Shape) { self.target = target }
}

extension Reshape: OperatorRules {
  func outputShape(of inputs: [Shape?]) throws -> Shape {
    let x = try inputs.required(0, "x")
    guard x.elementsPerImage == target.elementsPerImage,
      x.dimensions.first == target.dimensions.first
    else {
      throw NetworkError(.shapeMismatch, "x \(x) cannot take the shape \(target)")
    }
    return target
  }

  func couple(_ node: Node, in network: Network, into coupling: inout ChannelCoupling) {
    guard let x = node.inputs[0] else { return }
    let shape = network[x].shape
    if shape.rank > 1, target.rank == 2 || (target.rank > 1 && target[1] == shape[1]) {
      // Flattening, or regrouping of the axes after the channel.
      coupling.tieBlocks(.channel(x), .channel(node.output))
    } else {
      let reason = "\"\(node.name)\" reshapes \(shape) to \(target), across channels"
      coupling.protect(.channel(x), reason)
      coupling.protect(.channel(node.output), reason)
    }
  }

  func pruned(
    _ node: Node, in network: Network, keeping kept: (AxisID) -> [Int]?
  ) -> Operator {
    guard let indices = kept(.channel(node.output)) else { return node.operation }
    var result = self
    result.target[1] = .fixed(indices.count)
    return .reshape(result)
  }
}

/// `start..<end` in steps of `step`, per axis; other axes stay whole.
public struct Slice: Sendable, Hashable {
  public struct Range: Sendable, Hashable {
    public var axis: Int
    /// Resolved: 0 ≤ start ≤ extent.
    public var start: Int
    /// Resolved and exclusive; never beyond the extent.
    public var end: Int
    /// Positive.
    public var step: Int

    public init(axis: Int, start: Int, end: Int, step: Int = 1) {
      self.axis = axis
      self.start = start
      self.end = end
      self.step = step
    }

    /// The indices it takes.
    public var indices: [Int] { Array(stride(from: start, to: end, by: step)) }
  }

  /// One entry per sliced axis.
  public var ranges: [Range]

  public init(ranges: [Range]) { self.ranges = ranges }
}

extension Slice: OperatorRules {
  func outputShape(of inputs: [Shape?]) throws -> Shape {
    var shape = try inputs.required(0, "x")
    for range in ranges {
      guard range.axis > 0, range.axis < shape.rank, range.step > 0, range.start >= 0,
        range.start < range.end, range.end <= (try shape.extent(range.axis, "x"))
      else {
        throw NetworkError(
          .shapeMismatch,
          "slice \(range.start)..<\(range.end) step \(range.step) on axis \(range.axis) of \(shape)"
        )
      }
      shape[range.axis] = .fixed(range.indices.count)
    }
    return shape
  }

  func couple(_ node: Node, in network: Network, into coupling: inout ChannelCoupling) {
    guard let x = node.inputs[0] else { return }
    guard let range = ranges.first(where: { $0.axis == 1 }) else {
      return coupling.tie(.channel(x), .channel(node.output))
    }
    coupling.tie(.channel(x), at: range.indices, .channel(node.output))
    if range.step > 1 {
      coupling.protect(.channel(x), "\"\(node.name)\" takes every \(range.step)th channel")
    }
  }

  func pruned(
    _ node: Node, in network: Network, keeping kept: (AxisID) -> [Int]?
  ) -> Operator {
    guard let x = node.inputs[0], let indices = kept(.channel(x)) else { return node.operation }
    var result = self
    for place in ranges.indices where ranges[place].axis == 1 {
      result.ranges[place].start = indices.count { $0 < ranges[place].start }
      result.ranges[place].end = indices.count { $0 < ranges[place].end }
    }
    return .slice(result)
  }
}

/// A constant border: `before` and `after` elements per axis.
public struct Pad: Sendable, Hashable {
  public var before: [Int]
  public var after: [Int]
  public var value: Float

  public init(before: [Int], after: [Int], value: Float = 0) {
    self.before = before
    self.after = after
    self.value = value
  }
}

extension Pad: OperatorRules {
  func outputShape(of inputs: [Shape?]) throws -> Shape {
    let x = try inputs.required(0, "x")
    guard before.count == x.rank, after.count == x.rank, before.first == 0, after.first == 0,
      (before + after).allSatisfy({ $0 >= 0 })
    else {
      throw NetworkError(.shapeMismatch, "pads \(before), \(after) do not fit x \(x)")
    }
    return Shape(
      try x.dimensions.enumerated().map { axis, dimension in
        axis == 0 ? dimension : .fixed(try x.extent(axis, "x") + before[axis] + after[axis])
      })
  }

  func couple(_ node: Node, in network: Network, into coupling: inout ChannelCoupling) {
    guard let x = node.inputs[0], let channels = network[x].shape[1].extent else { return }
    // Channel c of x meets channel c + before of the output; border channels stand alone.
    coupling.tie(
      .channel(node.output), at: Array(before[1]..<before[1] + channels), .channel(x))
    coupling.register(.channel(node.output))
  }

  func pruned(
    _ node: Node, in network: Network, keeping kept: (AxisID) -> [Int]?
  ) -> Operator {
    guard let x = node.inputs[0], let channels = network[x].shape[1].extent,
      let indices = kept(.channel(node.output))
    else { return node.operation }
    var result = self
    result.before[1] = indices.count { $0 < before[1] }
    result.after[1] = indices.count { $0 >= before[1] + channels }
    return .pad(result)
  }
}
