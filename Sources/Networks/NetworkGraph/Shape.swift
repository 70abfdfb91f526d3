/// The extent of one axis of a value.
public enum Dimension: Hashable, Sendable, CustomStringConvertible {
  /// So many places for each image of the batch, all of one image together.
  case batched(Int)
  /// A known extent.
  case fixed(Int)

  /// The batch: as many images as the caller brings.
  public static let batch = Dimension.batched(1)

  /// The extent, or nil where it depends on the batch.
  public var extent: Int? {
    if case .fixed(let extent) = self { extent } else { nil }
  }

  public var isBatch: Bool { extent == nil }

  /// The extent for one image.
  public var perImage: Int {
    switch self {
    case .batched(let places): places
    case .fixed(let extent): extent
    }
  }

  public func resolved(batch: Int) -> Int { isBatch ? batch * perImage : perImage }

  public var description: String {
    switch self {
    case .batch: "N"
    case .batched(let places): "\(places)N"
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
  public func resolved(batch: Int) -> [Int] { dimensions.map { $0.resolved(batch: batch) } }

  /// The number of elements for one image.
  public var elementsPerImage: Int { dimensions.reduce(1) { $0 * $1.perImage } }

  /// The axis that holds the batch.
  public var batchAxis: Int? { dimensions.firstIndex(where: \.isBatch) }

  /// The extents of what one image has of an activation whose first axis holds the batch.
  public var extentsPerImage: [Int] {
    (dimensions.first == .batch ? dimensions.dropFirst() : dimensions[...]).map(\.perImage)
  }

  public var description: String {
    "[" + dimensions.map(\.description).joined(separator: ", ") + "]"
  }
}
