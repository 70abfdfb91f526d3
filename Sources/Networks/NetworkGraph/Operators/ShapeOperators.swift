/// Operators that give the same elements another shape or order.

/// Axes before `axis` become one, axes from `axis` on another.
public struct Flatten: Sendable, Hashable {
  public var axis: Int

  public init(axis: Int = 1) { self.axis = axis }
}

extension Flatten: OperatorRules {
  func outputShape(of inputs: [Shape?]) throws -> Shape {
    let x = try inputs.required(0, "x")
    guard (0...x.rank).contains(axis) else {
      throw NetworkError(.shapeMismatch, "axis \(axis) is outside x \(x)")
    }
    let halves = [x.dimensions[..<axis], x.dimensions[axis...]].map { Shape(Array($0)) }
    return Shape(
      try halves.map { half in
        guard let batch = half.batchAxis else { return .fixed(half.elementsPerImage) }
        guard half.dimensions[..<batch].allSatisfy({ $0 == .fixed(1) }) else {
          throw NetworkError(
            .unsupported, "flattening x \(x) at axis \(axis) mixes images; they must stay apart")
        }
        return .batched(half.elementsPerImage)
      })
  }

  func couple(_ node: Node, in network: Network, into coupling: inout ChannelCoupling) {
    guard let x = node.inputs[0] else { return }
    coupling.tieReshape(x, node.output)
  }
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
      (x.batchAxis == nil) == (target.batchAxis == nil)
    else { throw NetworkError(.shapeMismatch, "x \(x) cannot take the shape \(target)") }
    guard ChannelCoupling.segments(x, target) != nil else {
      throw NetworkError(
        .unsupported, "reshaping x \(x) to \(target) mixes images; they must stay apart")
    }
    return target
  }

  func couple(_ node: Node, in network: Network, into coupling: inout ChannelCoupling) {
    guard let x = node.inputs[0] else { return }
    coupling.tieReshape(x, node.output)
  }

  func pruned(
    _ node: Node, in network: Network, keeping kept: (AxisID) -> [Int]?
  ) -> Operator {
    .reshape(Reshape(target: target.pruned(node.output, keeping: kept)))
  }
}

/// Axis i of the output is axis `permutation[i]` of x.
public struct Transpose: Sendable, Hashable {
  public var permutation: [Int]

  public init(permutation: [Int]) { self.permutation = permutation }
}

extension Transpose: OperatorRules {
  func outputShape(of inputs: [Shape?]) throws -> Shape {
    let x = try inputs.required(0, "x")
    guard permutation.sorted() == Array(0..<x.rank) else {
      throw NetworkError(.shapeMismatch, "permutation \(permutation) does not fit x \(x)")
    }
    return Shape(permutation.map { x[$0] })
  }

  func couple(_ node: Node, in network: Network, into coupling: inout ChannelCoupling) {
    guard let x = node.inputs[0] else { return }
    for (place, axis) in permutation.enumerated() {
      coupling.tie(AxisID(x, axis), AxisID(node.output, place))
    }
  }
}

/// x repeated along axes of extent 1, and along new axes before the first, up to a target shape.
public struct Expand: Sendable, Hashable {
  /// The shape of the output.
  public var target: Shape

  public init(target: Shape) { self.target = target }
}

extension Expand: OperatorRules {
  func outputShape(of inputs: [Shape?]) throws -> Shape {
    let x = try inputs.required(0, "x")
    guard try Shape.broadcast(x, target) == target else {
      throw NetworkError(.shapeMismatch, "x \(x) does not broadcast to \(target)")
    }
    return target
  }

  func couple(_ node: Node, in network: Network, into coupling: inout ChannelCoupling) {
    coupling.tieBroadcast(node.inputs.compactMap(\.self), node.output)
  }

  func pruned(
    _ node: Node, in network: Network, keeping kept: (AxisID) -> [Int]?
  ) -> Operator {
    .expand(Expand(target: target.pruned(node.output, keeping: kept)))
  }
}

/// Blocks of `size`² channels spread over rows and columns.
public struct DepthToSpace: Sendable, Hashable {
  public var size: Int
  /// Whether the place in the block is the fast part of the channel's number (ONNX `CRD`), not the
  /// slow one (`DCR`).
  public var placesAreFast: Bool

  public init(size: Int, placesAreFast: Bool = false) {
    self.size = size
    self.placesAreFast = placesAreFast
  }
}

extension DepthToSpace: OperatorRules {
  func outputShape(of inputs: [Shape?]) throws -> Shape {
    let x = try inputs.required(0, "x", minimumRank: 4)
    let channels = try x.extent(1, "x")
    guard x.rank == 4, size > 0, channels % (size * size) == 0 else {
      throw NetworkError(.shapeMismatch, "blocks of \(size)² channels do not fit x \(x)")
    }
    return Shape([
      x[0], .fixed(channels / (size * size)), .fixed(try x.extent(2, "x") * size),
      .fixed(try x.extent(3, "x") * size),
    ])
  }

  func couple(_ node: Node, in network: Network, into coupling: inout ChannelCoupling) {
    guard let x = node.inputs[0] else { return }
    let channels = coupling.extent(.channel(node.output))
    for channel in 0..<coupling.extent(.channel(x)) {
      let target = placesAreFast ? channel / (size * size) : channel % channels
      coupling.tie(.channel(x), index: channel, .channel(node.output), index: target)
    }
  }
}

/// Blocks of `size`² pixels stacked as channels; the place in the block is the slow part of the
/// channel's number.
public struct SpaceToDepth: Sendable, Hashable {
  public var size: Int

  public init(size: Int) { self.size = size }
}

extension SpaceToDepth: OperatorRules {
  func outputShape(of inputs: [Shape?]) throws -> Shape {
    let x = try inputs.required(0, "x", minimumRank: 4)
    let (height, width) = (try x.extent(2, "x"), try x.extent(3, "x"))
    guard x.rank == 4, size > 0, height % size == 0, width % size == 0 else {
      throw NetworkError(.shapeMismatch, "blocks of \(size) × \(size) pixels do not fit x \(x)")
    }
    return Shape([
      x[0], .fixed(try x.extent(1, "x") * size * size), .fixed(height / size),
      .fixed(width / size),
    ])
  }

  func couple(_ node: Node, in network: Network, into coupling: inout ChannelCoupling) {
    guard let x = node.inputs[0] else { return }
    let channels = coupling.extent(.channel(x))
    for channel in 0..<coupling.extent(.channel(node.output)) {
      coupling.tie(
        .channel(x), index: channel % channels, .channel(node.output), index: channel)
    }
  }
}

/// Elements as another type; whole numbers are rounded towards zero.
public struct Cast: Sendable, Hashable {
  public var type: ElementType

  public init(type: ElementType) { self.type = type }
}

extension Cast: ChannelwiseRules {
  func outputShape(of inputs: [Shape?]) throws -> Shape { try inputs.required(0, "x") }
}

extension Shape {
  /// The shape of a value after surgery.
  func pruned(_ value: ValueID, keeping kept: (AxisID) -> [Int]?) -> Shape {
    Shape(
      dimensions.enumerated().map { axis, dimension in
        kept(AxisID(value, axis)).map { .fixed($0.count) } ?? dimension
      })
  }
}
