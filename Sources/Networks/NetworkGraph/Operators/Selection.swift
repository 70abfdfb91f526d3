/// Operators that take parts of a value, or put values side by side.

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
    guard Set(ranges.map(\.axis)).count == ranges.count else {
      throw NetworkError(.invalidGraph, "an axis is sliced twice")
    }
    for range in ranges {
      try shape.check(axis: range.axis, "slicing")
      guard range.step > 0, range.start >= 0, range.start < range.end,
        range.end <= (try shape.extent(range.axis, "x"))
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
    for axis in 0..<coupling.rank(of: x) {
      guard let range = ranges.first(where: { $0.axis == axis }) else {
        coupling.tie(AxisID(x, axis), AxisID(node.output, axis))
        continue
      }
      coupling.tie(AxisID(x, axis), at: range.indices, AxisID(node.output, axis))
      // Steps over fewer channels would have to become a list, which takes a node of its own.
      if range.step > 1, ranges.count > 1 {
        coupling.protect(AxisID(x, axis), "\"\(node.name)\" takes every \(range.step)th of it")
      }
    }
  }

  func pruned(
    _ node: Node, in network: Network, keeping kept: (AxisID) -> [Int]?
  ) -> Operator {
    guard let x = node.inputs[0] else { return node.operation }
    if ranges.count == 1, let range = ranges.first, range.step > 1,
      kept(AxisID(x, range.axis)) != nil
    {
      return Gather(axis: range.axis, indices: range.indices)
        .pruned(node, in: network, keeping: kept)
    }
    var result = self
    for place in ranges.indices {
      guard let indices = kept(AxisID(x, ranges[place].axis)) else { continue }
      result.ranges[place].start = indices.count { $0 < ranges[place].start }
      result.ranges[place].end = indices.count { $0 < ranges[place].end }
    }
    return .slice(result)
  }
}

/// The slices of x at `indices` along one axis, in that order; an index may repeat.
public struct Gather: Sendable, Hashable {
  public var axis: Int
  /// Non-negative.
  public var indices: [Int]

  public init(axis: Int, indices: [Int]) {
    self.axis = axis
    self.indices = indices
  }
}

extension Gather: OperatorRules {
  func outputShape(of inputs: [Shape?]) throws -> Shape {
    var shape = try inputs.required(0, "x")
    try shape.check(axis: axis, "gathering along")
    let extent = try shape.extent(axis, "x")
    guard !indices.isEmpty, indices.allSatisfy((0..<extent).contains) else {
      throw NetworkError(.shapeMismatch, "its indices do not lie on axis \(axis) of x \(shape)")
    }
    shape[axis] = .fixed(indices.count)
    return shape
  }

  func couple(_ node: Node, in network: Network, into coupling: inout ChannelCoupling) {
    guard let x = node.inputs[0] else { return }
    for other in 0..<coupling.rank(of: x) where other != axis {
      coupling.tie(AxisID(x, other), AxisID(node.output, other))
    }
    coupling.tie(AxisID(x, axis), at: indices, AxisID(node.output, axis))
  }

  func pruned(
    _ node: Node, in network: Network, keeping kept: (AxisID) -> [Int]?
  ) -> Operator {
    guard let x = node.inputs[0], let sources = kept(AxisID(x, axis)) else {
      return .gather(self)
    }
    let places = Dictionary(uniqueKeysWithValues: sources.enumerated().map { ($1, $0) })
    return .gather(Gather(axis: axis, indices: indices.compactMap { places[$0] }))
  }
}

/// Values one after the other along an axis.
public struct Concat: Sendable, Hashable {
  public var axis: Int

  public init(axis: Int) { self.axis = axis }
}

extension Concat: OperatorRules {
  func outputShape(of inputs: [Shape?]) throws -> Shape {
    var result = try inputs.required(0, "x")
    try result.check(axis: axis, "joining values along")
    var extent = try result.extent(axis, "x")
    for place in inputs.indices.dropFirst() {
      var other = try inputs.required(place, "x")
      guard other.rank == result.rank else {
        throw NetworkError(.shapeMismatch, "values \(result) and \(other) differ in rank")
      }
      extent += try other.extent(axis, "x")
      other[axis] = result[axis]
      guard other == result else {
        throw NetworkError(
          .shapeMismatch, "values \(result) and \(other) differ beside axis \(axis)")
      }
    }
    result[axis] = .fixed(extent)
    return result
  }

  func couple(_ node: Node, in network: Network, into coupling: inout ChannelCoupling) {
    var offset = 0
    for case let input? in node.inputs {
      for other in 0..<coupling.rank(of: input) where other != axis {
        coupling.tie(AxisID(input, other), AxisID(node.output, other))
      }
      let extent = coupling.extent(AxisID(input, axis))
      coupling.tie(
        AxisID(node.output, axis), at: Array(offset..<offset + extent), AxisID(input, axis))
      offset += extent
    }
  }
}

/// A border: `before` and `after` elements per axis.
public struct Pad: Sendable, Hashable {
  public enum Mode: Sendable, Hashable {
    case constant(Float)
    /// Mirrored at the outermost element, which is not repeated.
    case reflect
    /// The outermost element repeated.
    case edge
    /// The elements from the other end.
    case wrap
  }

  public var before: [Int]
  public var after: [Int]
  public var mode: Mode

  public init(before: [Int], after: [Int], mode: Mode = .constant(0)) {
    self.before = before
    self.after = after
    self.mode = mode
  }
}

extension Pad: OperatorRules {
  func outputShape(of inputs: [Shape?]) throws -> Shape {
    let x = try inputs.required(0, "x")
    guard before.count == x.rank, after.count == x.rank, (before + after).allSatisfy({ $0 >= 0 })
    else {
      throw NetworkError(.shapeMismatch, "pads \(before), \(after) do not fit x \(x)")
    }
    return Shape(
      try x.dimensions.enumerated().map { axis, dimension in
        guard before[axis] + after[axis] > 0 else { return dimension }
        try x.check(axis: axis, "padding")
        let extent = try x.extent(axis, "x")
        let border = max(before[axis], after[axis])
        if mode == .reflect && border >= extent || mode == .wrap && border > extent {
          throw NetworkError(.shapeMismatch, "pads \(before), \(after) are wider than x \(x)")
        }
        return .fixed(extent + before[axis] + after[axis])
      })
  }

  func couple(_ node: Node, in network: Network, into coupling: inout ChannelCoupling) {
    guard let x = node.inputs[0] else { return }
    for axis in 0..<coupling.rank(of: x) {
      guard before[axis] + after[axis] > 0 else {
        coupling.tie(AxisID(x, axis), AxisID(node.output, axis))
        continue
      }
      guard case .constant = mode else { continue }
      // Channel c of x meets channel c + before of the output; border channels stand alone.
      let extent = coupling.extent(AxisID(x, axis))
      coupling.tie(
        AxisID(node.output, axis), at: Array(before[axis]..<before[axis] + extent),
        AxisID(x, axis))
    }
  }

  func pruned(
    _ node: Node, in network: Network, keeping kept: (AxisID) -> [Int]?
  ) -> Operator {
    guard let x = node.inputs[0] else { return node.operation }
    var result = self
    for axis in before.indices {
      guard let indices = kept(AxisID(node.output, axis)),
        let extent = network[x].shape[axis].extent
      else { continue }
      result.before[axis] = indices.count { $0 < before[axis] }
      result.after[axis] = indices.count { $0 >= before[axis] + extent }
    }
    return .pad(result)
  }
}
