import NetworkGraph

extension Importer {
  mutating func resize(_ node: NodeReader) throws -> Symbol {
    let x = try activation(node)
    let arguments = try ResizeArguments(
      node, x: x.shape, scales: scales(node, x.shape), sizes: sizes(node, x.shape))
    return .activation(try add(.resize(arguments.operation), [x.id], for: node))
  }

  private func scales(_ node: NodeReader, _ x: Shape) throws -> [Float]? {
    let place = node.opset < 11 ? 1 : 2
    guard let value = try constant(node, place, "scales"), value.count > 0 else { return nil }
    guard let scales = value.floats, scales.allSatisfy({ $0 > 0 && $0.isFinite }) else {
      throw node.failure(.invalidGraph, "its scales must be positive numbers")
    }
    return scales
  }

  private func sizes(_ node: NodeReader, _ x: Shape) throws -> [Dimension]? {
    guard node.opset >= 11, let value = try constant(node, 3, "sizes"), value.count > 0 else {
      return nil
    }
    guard let sizes = value.dimensions else {
      throw node.failure(.invalidGraph, "its sizes must be integers")
    }
    return sizes
  }
}

/// What `Resize` and `Upsample` mean in each opset.
struct ResizeArguments {
  static let attributes: Set = [
    "antialias", "axes", "coordinate_transformation_mode", "cubic_coeff_a", "exclude_outside",
    "extrapolation_value", "keep_aspect_ratio_policy", "mode", "nearest_mode",
  ]

  let operation: Resize

  init(_ node: NodeReader, x: Shape, scales: [Float]?, sizes: [Dimension]?) throws {
    let axes =
      try node.integers("axes")?.map { try node.resolvedAxis($0, rank: x.rank) }
      ?? Array(0..<x.rank)
    guard Set(axes).count == axes.count,
      [scales?.count, sizes?.count].allSatisfy({ $0 == nil || $0 == axes.count }),
      scales != nil || sizes != nil
    else {
      throw node.failure(.invalidGraph, "its scales or sizes do not fit axes \(axes) of x \(x)")
    }
    var amounts = Amounts(
      scales: Array(repeating: 1, count: x.rank), sizes: Array(repeating: nil, count: x.rank))
    if let sizes {
      try amounts.set(sizes, axes: axes, of: x, node)
    } else if let scales {
      for (axis, scale) in zip(axes, scales) { amounts.scales[axis] = scale }
    }
    let coordinates = try Self.coordinates(node)
    let mode = try Self.mode(node, scales: amounts.scales)
    operation = Resize(
      mode: mode, coordinates: coordinates, scales: amounts.scales, sizes: amounts.sizes,
      excludesOutside: try node.flag("exclude_outside", default: false),
      antialiases: try node.flag("antialias", default: false))
  }

  private struct Amounts {
    var scales: [Float]
    var sizes: [Int?]

    mutating func set(
      _ given: [Dimension], axes: [Int], of x: Shape, _ node: NodeReader
    ) throws {
      let ratios = try zip(axes, given).map { axis, size -> Float in
        if size == x[axis] { return 1 }
        guard let size = size.extent, let extent = x[axis].extent,
          (1...NodeReader.maximumAttribute).contains(size)
        else {
          throw node.failure(.unsupported, "its sizes \(Shape(given)) change the batch of x \(x)")
        }
        return Float(size) / Float(extent)
      }
      let policy = try node.text("keep_aspect_ratio_policy", default: "stretch")
      let common: Float? =
        switch policy {
        case "stretch": nil
        case "not_larger": ratios.min()
        case "not_smaller": ratios.max()
        default:
          throw node.failure(
            .invalidGraph, "attribute keep_aspect_ratio_policy is \"\(policy)\"")
        }
      for (place, axis) in axes.enumerated() {
        guard let extent = x[axis].extent else { continue }
        let ratio = common ?? ratios[place]
        let size = common.map { Int((Float(extent) * $0).rounded()) } ?? given[place].extent
        guard size != extent else { continue }
        scales[axis] = ratio
        sizes[axis] = size
      }
    }
  }

  private static func coordinates(_ node: NodeReader) throws -> Resize.Coordinates {
    guard node.opset >= 11 else { return .asymmetric }
    let name = try node.text("coordinate_transformation_mode", default: "half_pixel")
    guard let coordinates = Resize.Coordinates(rawValue: name) else {
      throw node.failure(
        .unsupported,
        """
        coordinate_transformation_mode \"\(name)\" is not supported; use one of \
        \(Resize.Coordinates.allCases.map(\.rawValue).joined(separator: ", "))
        """)
    }
    return coordinates
  }

  private static func mode(_ node: NodeReader, scales: [Float]) throws -> Resize.Mode {
    switch try node.text("mode", default: "nearest") {
    case "nearest": return .nearest(try rounding(node, scales: scales))
    case "linear", "bilinear": return .linear
    case "cubic" where node.opset >= 11:
      return .cubic(coefficient: try node.number("cubic_coeff_a", default: -0.75))
    case let mode: throw node.failure(.unsupported, "mode \"\(mode)\" is not supported")
    }
  }

  private static func rounding(
    _ node: NodeReader, scales: [Float]
  ) throws -> Resize.Rounding {
    guard node.opset >= 11 else {
      // Old opsets round down where the value grows, and up where it shrinks.
      guard scales.contains(where: { $0 < 1 }) else { return .floor }
      guard !scales.contains(where: { $0 > 1 }) else {
        throw node.failure(
          .unsupported, "scales \(scales) grow and shrink; opset \(node.opset) is unclear there")
      }
      return .ceiling
    }
    switch try node.text("nearest_mode", default: "round_prefer_floor") {
    case "round_prefer_floor": return .roundPreferFloor
    case "round_prefer_ceil": return .roundPreferCeiling
    case "floor": return .floor
    case "ceil": return .ceiling
    case let mode: throw node.failure(.invalidGraph, "attribute nearest_mode is \"\(mode)\"")
    }
  }
}
