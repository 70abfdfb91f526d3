import LinearAlgebra
import Tensors

/// The features of one tap for the images of a tile, centred and laid out for products.
///
/// Takes the memory of the features themselves. Filled batch by batch, so that a network's
/// activations need not be gathered in one tensor before.
public struct TileFeatures: Sendable {
  /// The shape of one image's features.
  public let shape: [Int]
  /// What has been subtracted: nothing, one number per channel, or one per feature.
  public let centre: [Float]
  private(set) var rows: SlicedMatrix<Float>

  /// A tile whose images are yet to be appended.
  ///
  /// - Throws: ``ImportanceError`` with `shapeMismatch` for a centre of another size.
  public init(images: Int, shape: [Int], centre: [Float] = []) throws {
    try Self.check(images: images, shape: shape, centre: centre)
    self.shape = shape
    self.centre = centre
    rows = SlicedMatrix(rows: images, columns: shape.elementCount)
  }

  private static func check(images: Int, shape: [Int], centre: [Float]) throws {
    let count = shape.elementCount
    guard images > 0, count > 0,
      centre.isEmpty || centre.count == count || centre.count == shape.first
    else {
      throw ImportanceError(
        .shapeMismatch,
        "\(images) images with features of shape \(shape) and a centre of \(centre.count) numbers")
    }
  }

  /// A tile in a part of some pages, of ``byteCount(images:shape:)`` bytes from `offset` on: to be
  /// written there, or there already.
  ///
  /// - Throws: ``ImportanceError`` with `shapeMismatch` for a centre of another size.
  public init(
    images: Int, shape: [Int], centre: [Float], in pages: PageMemory, at offset: Int
  ) throws {
    try Self.check(images: images, shape: shape, centre: centre)
    self.shape = shape
    self.centre = centre
    rows = SlicedMatrix(
      rows: images, columns: shape.elementCount, in: pages, at: offset,
      filled: pages.isBorrowed ? images : 0)
  }

  /// The features `[m, …]` of a whole tile.
  public init(_ features: Tensor, centre: [Float] = []) throws {
    try self.init(
      images: features.shape.first ?? 0, shape: Array(features.shape.dropFirst()), centre: centre)
    try append(features)
  }

  /// Appends the features `[n, …]` of the next n images.
  ///
  /// - Throws: ``ImportanceError`` with `shapeMismatch`.
  public mutating func append(_ batch: Tensor) throws {
    guard batch.rank == shape.count + 1, batch.shape.dropFirst() == shape[...],
      rows.filled + batch.shape[0] <= rows.rows
    else {
      throw ImportanceError(
        .shapeMismatch,
        """
        features of shape \(batch.shape) after \(rows.filled) of \(rows.rows) images with features \
        of shape \(shape)
        """)
    }
    rows.append(batch.elements, centre: centre)
  }

  /// Writes the features `[n, …]` of n images from image `first` on; ``fill()`` counts them all.
  ///
  /// Several threads may write at a time, each its own images.
  ///
  /// - Throws: ``ImportanceError`` with `shapeMismatch`.
  public func write(_ batch: Tensor, at first: Int) throws {
    guard batch.rank == shape.count + 1, batch.shape.dropFirst() == shape[...],
      first + batch.shape[0] <= images
    else {
      throw ImportanceError(
        .shapeMismatch,
        """
        features of shape \(batch.shape) for images from \(first) on of \(images) with features of \
        shape \(shape)
        """)
    }
    rows.write(batch.elements, at: first, centre: centre)
  }

  /// Counts all images as there: they were written batch by batch.
  public mutating func fill() { rows.fill() }

  /// Takes features that another process lends out of this process's memory, until they are read.
  public func forget() { rows.forget() }

  public var images: Int { rows.rows }
  /// Whether all images are there.
  public var isWhole: Bool { rows.filled == rows.rows }
  /// The memory that they take.
  public var byteCount: Int { rows.byteCount }

  /// The memory that features of a tap take for so many images, in whole pages.
  public static func byteCount(images: Int, features: Int) -> Int {
    SlicedMatrix<Float>.byteCount(rows: images, columns: features)
  }

  /// The first image with a feature that is not finite, and what is wrong with it.
  func firstNonFinite() -> (image: Int, kind: TapFault.Kind)? {
    for image in 0..<images {
      let row = rows.row(image)
      if row.contains(where: \.isNaN) { return (image, .notANumber) }
      if row.contains(where: { !$0.isFinite }) { return (image, .infinite) }
    }
    return nil
  }

  /// Whether every feature of every image was zero before the centre was subtracted.
  var areZero: Bool {
    (0..<images).allSatisfy { image in
      let row = rows.row(image)
      let area = row.count / max(centre.count, 1)
      return row.indices.allSatisfy { row[$0] == (centre.isEmpty ? 0 : 0 - centre[$0 / area]) }
    }
  }
}
