import Tensors

/// Fits a layer to what it should put out, from its inputs chunk by chunk.
///
/// First in the least-squares sense. Then, where the layer's output goes through a clamp (a ReLU),
/// to the clamped target: alternately the nearest outputs z that the clamp takes to the target,
/// and the least-squares weights for z. An output that the clamp hides costs nothing, so the
/// weights are free for those that show. What z moves outputs by is estimated from another part of
/// the images each time, which together cost as much as one look at all of them.
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
  /// A layer as near as this to its target, relative and squared, is near enough: what follows the
  /// first fit is then left out.
  public static let negligibleError = 1e-3

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
    guard let clamp, fit.relativeError > Self.negligibleError else { return fit }
    let images = inputs.reduce(0) { $0 + ($1.shape.first ?? 0) }
    var blocks = PositionBlocks(geometry: geometry, positionsPerImage: positionsPerImage)
    for step in 0..<steps {
      let part = self.images(ofStep: step, of: steps, from: images)
      var moved = ClampedStep(
        fit, clamp: clamp, targets: moments.targets.rows, shortcuts: moments.shortcuts.rows,
        start: blocks.positions(ofFirst: part.lowerBound), meanWeight: meanWeight)
      try blocks.add(images: part, of: inputs, to: &moved)
      try fit.move(outputsBy: moved.change(centred: centred), where: clamp.isBounded)
    }
    return fit
  }

  /// The images that an alternation looks at: each its share, and as many as tell enough about every
  /// column.
  private func images(ofStep step: Int, of steps: Int, from images: Int) -> Range<Int> {
    let enough = Self.positionsPerColumn * geometry.columns * blocks.stride / geometry.positions
    let count = min(max((images + steps - 1) / steps, enough), images)
    let first = min(step * images / steps, images - count)
    return first..<first + count
  }

  /// Positions that an alternation looks at for every column, if there are as many.
  private static let positionsPerColumn = 24
}

/// Sums the moments of inputs and targets, and keeps the targets.
struct TargetMoments: BlockConsumer, Sendable {
  var gram: InputGram { moments.gram }
  private(set) var targets = KeptRows()
  /// What is added to the targets; empty if nothing.
  private(set) var shortcuts = KeptRows()
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
      targets.append(block, rows: columns..<columns + outputs, positions: positions)
      if block.count > shortcut * PositionBlocks.rowLength {
        shortcuts.append(block, rows: shortcut..<shortcut + outputs, positions: positions)
      }
    }
    try moments.take(&block, images: images)
  }
}

/// Rows of blocks, one after the other.
struct KeptRows: Sendable {
  private(set) var rows: [[Float]] = []

  /// Appends the positions of some rows of a block.
  mutating func append(_ block: [Float], rows range: Range<Int>, positions: Int) {
    if rows.isEmpty { rows = Array(repeating: [], count: range.count) }
    for (place, row) in range.enumerated() {
      let start = row * PositionBlocks.rowLength
      rows[place].append(contentsOf: block[start..<start + positions])
    }
  }
}
