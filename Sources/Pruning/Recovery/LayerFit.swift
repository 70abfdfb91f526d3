import Tensors

/// Fits a layer to what it should put out, from its inputs chunk by chunk.
///
/// First in the least-squares sense. Then, where the layer's output goes through a clamp (a ReLU),
/// to the clamped target: alternately the nearest outputs z that the clamp takes to the target,
/// and the least-squares weights for z. An output that the clamp hides costs nothing, so the
/// weights are free for those that show.
///
/// With a mean weight κ, the error of an image's mean counts besides that of its positions,
///
///     Σ_images Σ_positions ‖e‖² + κ · positions · ‖ē‖²
///
/// because what comes later, and a pooling above all, averages the one out and not the other.
///
/// Reference: Zhang, Zou, He & Sun, "Accelerating Very Deep Convolutional Networks for
/// Classification and Detection", TPAMI 2016, section 3.2.
public struct LayerFit: Sendable {
  private let layer: String
  private let geometry: ConsumerGeometry
  private let clamp: OutputClamp?
  private let positionsPerImage: Int
  private let meanWeight: Int
  private var blocks: PositionBlocks
  private var moments: TargetMoments

  /// - Parameters:
  ///   - clamp: What the output goes through; nil for plain least squares.
  ///   - hasShortcut: Whether something is added to the output before the clamp.
  ///   - meanWeight: κ.
  public init(
    _ layer: String, geometry: ConsumerGeometry, clamp: OutputClamp?, hasShortcut: Bool,
    positionsPerImage: Int, meanWeight: Int = 0
  ) {
    self.layer = layer
    self.geometry = geometry
    self.clamp = clamp
    self.positionsPerImage = positionsPerImage
    // The mean of one position is the position.
    let meanWeight = geometry.positions > 1 ? meanWeight : 0
    self.meanWeight = meanWeight
    let outputs = geometry.outputs
    blocks = PositionBlocks(
      geometry: geometry, companions: hasShortcut && clamp != nil ? [outputs, outputs] : [outputs],
      positionsPerImage: positionsPerImage)
    moments = TargetMoments(
      columns: geometry.columns, outputs: outputs, positionStride: blocks.stride,
      meanWeight: meanWeight, keepsTargets: clamp != nil)
  }

  /// Adds a chunk.
  ///
  /// - Parameters:
  ///   - input: `[n, C, H, W]`.
  ///   - target: What the layer should put out, `[n, O, H', W']`.
  ///   - shortcut: What is added to it, of the same shape; needed if there are a clamp and one.
  public mutating func add(input: Tensor, target: Tensor, shortcut: Tensor?) throws {
    let added = blocks.companions.count > 1 ? shortcut.map { [$0] } ?? [] : []
    try blocks.add(input: input, maps: [target] + added, to: &moments)
  }

  /// The fit.
  ///
  /// - Parameters:
  ///   - prior: The weights it leans to, `[O, K]`.
  ///   - inputs: Gives the input of each chunk again, in the order they were added.
  ///   - steps: Alternations for the clamp.
  /// - Throws: ``RecoveryError``, naming the layer.
  public mutating func solved(
    prior: [Float], centred: Bool, relativeDamping: Double, inputs: [Tensor], steps: Int
  ) throws -> TargetFit {
    try blocks.flush(to: &moments)
    var fit = try TargetFit(
      layer, gram: moments.gram, prior: prior, outputs: geometry.outputs, centred: centred,
      relativeDamping: relativeDamping)
    guard let clamp else { return fit }
    var blocks = PositionBlocks(geometry: geometry, positionsPerImage: positionsPerImage)
    for _ in 0..<steps {
      var step = ClampedStep(
        fit, clamp: clamp, targets: moments.targets, meanWeight: meanWeight)
      blocks.restart()
      for input in inputs { try blocks.add(input: input, to: &step) }
      try blocks.flush(to: &step)
      try fit.solve(step.cross(centred: centred), targetMean: step.targetMean)
    }
    return fit
  }
}

/// Sums the moments of inputs and targets, and keeps the targets.
struct TargetMoments: BlockConsumer, Sendable {
  /// The targets at a block's positions, and what is added to them.
  struct Kept: Sendable {
    /// `[O, positions]`.
    var target: [Float]
    /// The same, or empty.
    var shortcut: [Float]
  }

  var gram: InputGram { moments.gram }
  private(set) var targets: [Kept] = []
  private var moments: BlockMoments
  private let columns: Int
  private let outputs: Int
  private let keepsTargets: Bool

  init(columns: Int, outputs: Int, positionStride: Int, meanWeight: Int, keepsTargets: Bool) {
    self.columns = columns
    self.outputs = outputs
    self.keepsTargets = keepsTargets
    moments = BlockMoments(
      columns: columns + outputs, positionStride: positionStride, meanWeight: meanWeight)
  }

  mutating func take(_ block: inout [Float], images: [Int]) throws {
    if keepsTargets {
      let positions = images.reduce(0, +)
      let shortcut = columns + outputs + 1
      targets.append(
        Kept(
          target: rows(of: block, from: columns, positions),
          shortcut: block.count > shortcut * PositionBlocks.rowLength
            ? rows(of: block, from: shortcut, positions) : []))
    }
    try moments.take(&block, images: images)
  }

  private func rows(of block: [Float], from first: Int, _ positions: Int) -> [Float] {
    var result: [Float] = []
    result.reserveCapacity(outputs * positions)
    for row in first..<first + outputs {
      let start = row * PositionBlocks.rowLength
      result.append(contentsOf: block[start..<start + positions])
    }
    return result
  }
}
