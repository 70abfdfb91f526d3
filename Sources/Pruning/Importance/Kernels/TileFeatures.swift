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
    let count = shape.elementCount
    guard images > 0, count > 0,
      centre.isEmpty || centre.count == count || centre.count == shape.first
    else {
      throw ImportanceError(
        .shapeMismatch,
        "\(images) images with features of shape \(shape) and a centre of \(centre.count) numbers")
    }
    self.shape = shape
    self.centre = centre
    rows = SlicedMatrix(rows: images, columns: count)
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

  public var images: Int { rows.rows }
  /// Whether all images are there.
  public var isWhole: Bool { rows.filled == rows.rows }
  /// The memory that they take.
  public var byteCount: Int { rows.byteCount }

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
