/// x sampled at other extents.
public struct Resize: Sendable, Hashable {
  public enum Rounding: Sendable, Hashable {
    case roundPreferFloor, roundPreferCeiling, floor, ceiling
  }

  public enum Mode: Sendable, Hashable {
    case nearest(Rounding)
    case linear
    /// Catmull–Rom-like, with ONNX's `cubic_coeff_a`.
    case cubic(coefficient: Float)
  }

  /// Where in x a place of the output lies: ONNX `coordinate_transformation_mode`.
  public enum Coordinates: String, Sendable, Hashable, CaseIterable {
    case halfPixel = "half_pixel"
    case halfPixelSymmetric = "half_pixel_symmetric"
    case pytorchHalfPixel = "pytorch_half_pixel"
    case alignCorners = "align_corners"
    case asymmetric
  }

  public var mode: Mode
  public var coordinates: Coordinates
  /// Per axis: output extent over input extent, as the file gives it; 1 where nothing changes.
  public var scales: [Float]
  /// Per axis: the output's extent, where the file gives extents; else it is floor(extent · scale).
  public var sizes: [Int?]
  /// Taps outside x count nothing and the others are rescaled (cubic), instead of repeating edges.
  public var excludesOutside: Bool
  /// Widens the filter when shrinking.
  public var antialiases: Bool

  public init(
    mode: Mode, coordinates: Coordinates, scales: [Float], sizes: [Int?]? = nil,
    excludesOutside: Bool = false, antialiases: Bool = false
  ) {
    self.mode = mode
    self.coordinates = coordinates
    self.scales = scales
    self.sizes = sizes ?? scales.map { _ in nil }
    self.excludesOutside = excludesOutside
    self.antialiases = antialiases
  }

  /// Whether an axis is left as it is.
  public func leaves(_ axis: Int, of x: Shape) -> Bool {
    sizes[axis].map { .fixed($0) == x[axis] } ?? (scales[axis] == 1)
  }
}

extension Resize: OperatorRules {
  func outputShape(of inputs: [Shape?]) throws -> Shape {
    let x = try inputs.required(0, "x")
    guard scales.count == x.rank, sizes.count == x.rank else {
      throw NetworkError(.shapeMismatch, "scales \(scales) do not fit the rank of x \(x)")
    }
    return Shape(
      try x.dimensions.enumerated().map { axis, dimension in
        if leaves(axis, of: x) { return dimension }
        try x.check(axis: axis, "resizing")
        let size =
          try sizes[axis] ?? Int((Float(x.extent(axis, "x")) * scales[axis]).rounded(.down))
        guard size > 0, scales[axis] > 0 else {
          throw NetworkError(.shapeMismatch, "scale \(scales[axis]) leaves nothing of x \(x)")
        }
        return .fixed(size)
      })
  }

  func couple(_ node: Node, in network: Network, into coupling: inout ChannelCoupling) {
    guard let x = node.inputs[0] else { return }
    for axis in scales.indices where leaves(axis, of: network[x].shape) {
      coupling.tie(AxisID(x, axis), AxisID(node.output, axis))
    }
  }

  func pruned(
    _ node: Node, in network: Network, keeping kept: (AxisID) -> [Int]?
  ) -> Operator {
    var result = self
    for axis in sizes.indices where sizes[axis] != nil {
      if let indices = kept(AxisID(node.output, axis)) { result.sizes[axis] = indices.count }
    }
    return .resize(result)
  }
}
