import LinearAlgebra
import Tensors

/// Collects the input moments of one consumer while images pass by, and, where a target is to be
/// fitted, its moments with the input: the target's channels are then further columns of the Gram.
///
/// A part of the output positions is taken, by a stride that depends on the layer alone.
public struct GramCollector: Sendable {
  public var geometry: ConsumerGeometry { blocks.geometry }
  /// Every how many-th output position is taken.
  public var positionStride: Int { blocks.stride }

  private var blocks: PositionBlocks
  private var moments: LayerMoments

  /// - Parameters:
  ///   - targets: Channels of the target, if there is one.
  ///   - positionsPerImage: How many positions of a large map to take, about; all of a small one.
  public init(geometry: ConsumerGeometry, targets: Int = 0, positionsPerImage: Int = 64) {
    let stride = geometry.positionStride(positionsPerImage: positionsPerImage)
    moments = LayerMoments(geometry, targets: targets, positionStride: stride)
    blocks = PositionBlocks(
      geometry: geometry, companions: targets > 0 ? [targets] : [],
      positionsPerImage: positionsPerImage, readsWindows: moments.readsWindows)
  }

  /// Adds images.
  ///
  /// - Parameters:
  ///   - input: The consumer's input, `[n, H, W, C]`; `[n, K]` or any shape that flattens to it for
  ///     a fully connected layer.
  ///   - target: What its output should be, `[n, H', W', targets]`.
  /// - Throws: ``RecoveryError`` with `shapeMismatch` or `nonFiniteActivations`.
  /// - Complexity: O(positions · columns²) float operations.
  public mutating func add(input: Tensor, target: Tensor? = nil) throws {
    try blocks.add(input: input, maps: target.map { [ChannelMaps($0)] } ?? [], to: &moments)
  }

  /// The moments of everything added.
  public mutating func finish() throws -> InputGram {
    try blocks.flush(to: &moments)
    return try moments.gram()
  }
}
