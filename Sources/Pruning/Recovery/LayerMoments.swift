import LinearAlgebra

/// Sums the second moments of what a layer reads, and of targets, while blocks pass by: of unfolded
/// windows, or of maps where those are looked at everywhere.
struct LayerMoments: BlockConsumer, Sendable {
  // One of them is there.
  private var windows: BlockMoments?
  private var maps: MapMoments?

  /// - Parameters:
  ///   - targets: Channels of the target, further columns.
  ///   - meanWeight: How many times the mean of each image counts besides its positions.
  ///   - centre: What is subtracted; empty for the mean of what comes first.
  init(
    _ geometry: ConsumerGeometry, targets: Int, positionStride: Int, meanWeight: Int = 0,
    centre: [Float] = []
  ) {
    if meanWeight == 0, MapMoments.fits(geometry, positionStride: positionStride) {
      maps = MapMoments(geometry, targets: targets, centre: centre)
    } else {
      windows = BlockMoments(
        geometry, targets: targets, positionStride: positionStride, meanWeight: meanWeight,
        centre: centre)
    }
  }

  /// What they take for a layer, in bytes, about.
  static func bytes(_ geometry: ConsumerGeometry, targets: Int, positionStride: Int) -> Int {
    MapMoments.fits(geometry, positionStride: positionStride)
      ? MapMoments.bytes(geometry, targets: targets)
      : BlockMoments.bytes(geometry, targets: targets)
  }

  /// Whether blocks must hold windows.
  var readsWindows: Bool { windows != nil }

  var centre: [Float] { windows?.centre ?? maps?.centre ?? [] }

  mutating func take(_ block: inout FloatRows, images: [BlockImage]) throws {
    try windows?.take(&block, images: images)
    try maps?.take(block, images: images)
  }

  /// Adds those of other images, about the same centre.
  mutating func add(_ other: LayerMoments) throws {
    if let other = other.windows { windows?.add(other) }
    if let other = other.maps { try maps?.add(other) }
  }

  /// Of everything that was taken.
  ///
  /// - Throws: ``RecoveryError`` with `nonFiniteActivations`.
  mutating func gram() throws -> InputGram {
    if let gram = windows?.gram() { return gram }
    guard let gram = try maps?.gram() else { preconditionFailure("no moments") }
    return gram
  }
}
