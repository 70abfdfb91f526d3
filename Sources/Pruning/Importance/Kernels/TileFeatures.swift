import Tensors

/// The features of one tap for the images of a tile, as a network leaves them: some images after
/// others.
public struct TileFeatures: Sendable {
  /// The shape of one image's features.
  public let shape: [Int]
  public let images: Int
  /// What kernels subtract: nothing, one number per channel, or one per feature.
  public let centre: [Float]
  /// `[n, …]` each.
  let batches: [Tensor]

  /// - Throws: ``ImportanceError`` with `shapeMismatch` for no features, features of several shapes or
  ///   a centre of another size.
  public init(_ batches: [Tensor], centre: [Float] = []) throws {
    let shape = Array(batches.first?.shape.dropFirst() ?? [])
    let count = shape.elementCount
    images = batches.reduce(0) { $0 + ($1.shape.first ?? 0) }
    guard images > 0, count > 0, batches.allSatisfy({ $0.shape.dropFirst() == shape[...] }),
      centre.isEmpty || centre.count == count || centre.count == shape.first
    else {
      throw ImportanceError(
        .shapeMismatch,
        "features of shapes \(batches.map(\.shape)) and a centre of \(centre.count) numbers")
    }
    self.shape = shape
    self.centre = centre
    self.batches = batches
  }

  /// The features `[m, …]` of a whole tile.
  public init(_ features: Tensor, centre: [Float] = []) throws {
    try self.init([features], centre: centre)
  }

  /// Features that another process has.
  public init(elsewhere shape: [Int], images: Int, centre: [Float] = []) {
    (self.shape, self.images, self.centre, batches) = (shape, images, centre, [])
  }

  var isHere: Bool { !batches.isEmpty }

  /// The features of one image, less the centre.
  func row(_ image: Int) -> [Float] {
    var first = 0
    for batch in batches {
      let count = batch.shape[0]
      if image < first + count {
        let width = shape.elementCount
        let row = batch.elements[(image - first) * width..<(image - first + 1) * width]
        guard !centre.isEmpty else { return Array(row) }
        let area = width / centre.count
        return row.enumerated().map { $1 - centre[$0 / area] }
      }
      first += count
    }
    preconditionFailure("image \(image) of \(images)")
  }

  /// The first image with a feature that is not finite, and what is wrong with it; nil as well where
  /// the features are not here.
  func firstNonFinite() -> (image: Int, kind: TapFault.Kind)? {
    guard isHere else { return nil }
    for image in 0..<images {
      let row = row(image)
      if row.contains(where: \.isNaN) { return (image, .notANumber) }
      if row.contains(where: { !$0.isFinite }) { return (image, .infinite) }
    }
    return nil
  }

  /// Whether every feature of every image is zero.
  var areZero: Bool { batches.allSatisfy { $0.elements.allSatisfy { $0 == 0 } } }
}
