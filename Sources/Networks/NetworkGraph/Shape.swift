/// The extent of one axis of a value.
public enum Dimension: Hashable, Sendable, CustomStringConvertible {
  /// The batch: as many images as the caller brings.
  case batch
  /// A known extent.
  case fixed(Int)

  /// The extent, or nil for the batch.
  public var extent: Int? {
    if case .fixed(let extent) = self { extent } else { nil }
  }

  public var description: String {
    switch self {
    case .batch: "N"
    case .fixed(let extent): "\(extent)"
    }
  }
}

/// The shape of a value, axis by axis; activations have the batch as axis 0.
public struct Shape: Hashable, Sendable, CustomStringConvertible {
  public var dimensions: [Dimension]

  public init(_ dimensions: [Dimension]) { self.dimensions = dimensions }

  /// A shape without a batch axis.
  public init(_ extents: [Int]) { dimensions = extents.map(Dimension.fixed) }

  /// `[N, extents…]`.
  public static func batched(_ extents: [Int]) -> Shape {
    Shape([.batch] + extents.map(Dimension.fixed))
  }

  public var rank: Int { dimensions.count }

  public subscript(axis: Int) -> Dimension {
    get { dimensions[axis] }
    set { dimensions[axis] = newValue }
  }

  /// The extents for a batch of `batch` images.
  public func resolved(batch: Int) -> [Int] { dimensions.map { $0.extent ?? batch } }

  /// The number of elements for one image.
  public var elementsPerImage: Int { dimensions.reduce(1) { $0 * ($1.extent ?? 1) } }

  public var description: String {
    "[" + dimensions.map(\.description).joined(separator: ", ") + "]"
  }
}
