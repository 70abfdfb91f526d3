import NetworkGraph

/// A constant of the file, or a value computed at import from constants and shapes.
///
/// Integers of every width are ``Dimension``s, so that the batch flows symbolically from `Shape`
/// to the target of a `Reshape`. Floats of every width are 32-bit.
struct ConstantValue: Sendable {
  enum Elements: Sendable {
    case floats([Float])
    case integers([Dimension])
  }

  /// A bound on what import may compute, so that a broken file cannot exhaust memory.
  static let maximumCount = 1 << 28

  let shape: [Int]
  let elements: Elements

  init(shape: [Int], floats: [Float]) {
    self.shape = shape
    elements = .floats(floats)
  }

  init(shape: [Int], integers: [Dimension]) {
    self.shape = shape
    elements = .integers(integers)
  }

  /// A list of integers, `[n]`.
  init(_ integers: [Dimension]) { self.init(shape: [integers.count], integers: integers) }

  var count: Int {
    switch elements {
    case .floats(let floats): floats.count
    case .integers(let integers): integers.count
    }
  }

  var floats: [Float]? { if case .floats(let floats) = elements { floats } else { nil } }

  var dimensions: [Dimension]? {
    if case .integers(let integers) = elements { integers } else { nil }
  }

  /// The integers, where none is the symbolic batch.
  var integers: [Int]? {
    guard let dimensions else { return nil }
    let extents = dimensions.compactMap(\.extent)
    return extents.count == dimensions.count ? extents : nil
  }

  /// The same elements in another shape and order.
  func rearranged(_ map: ElementMap) -> ConstantValue {
    switch elements {
    case .floats(let floats):
      ConstantValue(shape: map.shape, floats: map.sources.map { floats[$0] })
    case .integers(let integers):
      ConstantValue(shape: map.shape, integers: map.sources.map { integers[$0] })
    }
  }

  /// The same elements under another shape of as many elements.
  func reshaped(_ shape: [Int]) -> ConstantValue {
    switch elements {
    case .floats(let floats): ConstantValue(shape: shape, floats: floats)
    case .integers(let integers): ConstantValue(shape: shape, integers: integers)
    }
  }

  /// The product of extents, or nil where it is negative, overflows or passes ``maximumCount``.
  static func count(of shape: [Int]) -> Int? {
    var count = 1
    for extent in shape {
      let (product, overflow) = count.multipliedReportingOverflow(by: extent)
      guard extent >= 0, !overflow, product <= maximumCount else { return nil }
      count = product
    }
    return count
  }
}

/// Where each element of a rearranged array comes from.
struct ElementMap: Sendable {
  let shape: [Int]
  /// Row-major; an index into the source's elements for each element of the result.
  let sources: [Int]

  /// Takes `indices` along `axis`; every index lies within the axis.
  ///
  /// - Parameter replacing: What the axis becomes; by default one axis of as many extents.
  static func taking(
    _ indices: [Int], axis: Int, of shape: [Int], replacing: [Int]? = nil
  ) -> ElementMap {
    let outer = shape[..<axis].reduce(1, *)
    let inner = shape[(axis + 1)...].reduce(1, *)
    let sources = (0..<outer).flatMap { block in
      indices.flatMap { index in
        let start = (block * shape[axis] + index) * inner
        return start..<start + inner
      }
    }
    return ElementMap(
      shape: shape[..<axis] + (replacing ?? [indices.count]) + shape[(axis + 1)...],
      sources: sources)
  }

  /// Axis i of the result is axis `permutation[i]` of the source.
  static func transposing(_ shape: [Int], by permutation: [Int]) -> ElementMap {
    let strides = rowMajorStrides(shape)
    return walking(permutation.map { shape[$0] }, strides: permutation.map { strides[$0] })
  }

  /// Repeats axes of extent 1; `target` is a broadcast of `shape`.
  static func broadcasting(_ shape: [Int], to target: [Int]) -> ElementMap {
    let missing = [Int](repeating: 0, count: target.count - shape.count)
    let strides = zip(shape, rowMajorStrides(shape)).map { $0 == 1 ? 0 : $1 }
    return walking(target, strides: missing + strides)
  }

  private static func rowMajorStrides(_ shape: [Int]) -> [Int] {
    var strides = shape
    var stride = 1
    for axis in shape.indices.reversed() {
      strides[axis] = stride
      stride *= shape[axis]
    }
    return strides
  }

  private static func walking(_ shape: [Int], strides: [Int]) -> ElementMap {
    var sources = [0]
    for (extent, stride) in zip(shape, strides) {
      sources = sources.flatMap { start in (0..<extent).map { start + $0 * stride } }
    }
    return ElementMap(shape: shape, sources: sources)
  }
}
