import Parallelism
import Tensors

/// Fits a layer to what it should put out, from its inputs part by part.
///
/// First in the least-squares sense. Then, where the layer's output goes through a clamp (a ReLU),
/// to the clamped target: alternately the nearest outputs z that the clamp takes to the target,
/// and the least-squares weights for z. An output that the clamp hides costs nothing, so the
/// weights are free for those that show. What z moves outputs by is estimated from another part of
/// the images each time, which together cost as much as one look at all of them.
///
/// Parts are looked at by any thread and added up in their order, so that no bit depends on threads.
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
  private let meanWeight: Int
  /// Of inputs with targets, and of inputs alone.
  private let blocks: Pool<PositionBlocks>
  private let inputBlocks: Pool<PositionBlocks>
  /// Every how many-th output position is taken.
  private let stride: Int
  private var gram: InputGram
  /// In the order of their images.
  private var targets: [PartTargets] = []

  /// Some samples.
  public struct Samples {
    /// `[n, C, H, W]`.
    let input: Tensor
    /// What the layer should put out, `[n, O, H', W']`.
    let target: Tensor
    /// What is added to it, of the same shape; needed if there are a clamp and one.
    let shortcut: Tensor?

    public init(input: Tensor, target: Tensor, shortcut: Tensor?) {
      (self.input, self.target, self.shortcut) = (input, target, shortcut)
    }
  }

  /// What a part of the images tells about the layer.
  public struct Part: Sendable {
    fileprivate let gram: InputGram
    fileprivate let targets: PartTargets
  }

  fileprivate struct PartTargets: Sendable {
    let images: Range<Int>
    /// By output, at all positions; empty without a clamp.
    let rows: KeptRows
    let shortcuts: KeptRows
  }

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
    // The mean of one position is the position.
    let meanWeight = geometry.positions > 1 ? meanWeight : 0
    self.meanWeight = meanWeight
    let outputs = geometry.outputs
    let companions = hasShortcut && clamp != nil ? [outputs, outputs] : [outputs]
    blocks = Pool {
      PositionBlocks(
        geometry: geometry, companions: companions, positionsPerImage: positionsPerImage)
    }
    inputBlocks = Pool {
      PositionBlocks(geometry: geometry, positionsPerImage: positionsPerImage)
    }
    stride = geometry.positionStride(positionsPerImage: positionsPerImage)
    gram = InputGram(columns: geometry.columns + outputs, positionStride: stride)
  }

  /// What some images tell; for any thread.
  ///
  /// - Parameter first: The place of the first among all images.
  /// - Throws: ``RecoveryError`` with `shapeMismatch` or `nonFiniteActivations`.
  public func part(_ samples: [Samples], from first: Int) throws -> Part {
    var moments = TargetMoments(
      columns: geometry.columns, outputs: geometry.outputs, positionStride: stride,
      meanWeight: meanWeight, keepsTargets: clamp != nil)
    try blocks.withValue { blocks in
      blocks.restart(after: first)
      for samples in samples {
        let added = blocks.companions.count > 1 ? samples.shortcut.map { [$0] } ?? [] : []
        try blocks.add(input: samples.input, maps: [samples.target] + added, to: &moments)
      }
      try blocks.flush(to: &moments)
    }
    let images = samples.reduce(0) { $0 + ($1.input.shape.first ?? 0) }
    return Part(
      gram: moments.gram,
      targets: PartTargets(
        images: first..<first + images, rows: moments.targets, shortcuts: moments.shortcuts))
  }

  /// Adds the next part.
  public mutating func add(_ part: Part) throws {
    try gram.add(part.gram)
    targets.append(part.targets)
  }

  /// The fit.
  ///
  /// - Parameters:
  ///   - prior: The weights it leans to, `[O, K]`.
  ///   - inputs: The inputs of all samples again, in the order they were added.
  ///   - steps: Alternations for the clamp.
  /// - Throws: ``RecoveryError``, naming the layer.
  public func solved(
    prior: [Float], centred: Bool, relativeDamping: Double, inputs: [Tensor], steps: Int,
    threads: Int = 1
  ) throws -> TargetFit {
    var fit = try TargetFit(
      layer, gram: gram, prior: prior, outputs: geometry.outputs, centred: centred,
      relativeDamping: relativeDamping)
    guard let clamp, fit.relativeError > Self.negligibleError else { return fit }
    let images = inputs.reduce(0) { $0 + ($1.shape.first ?? 0) }
    for step in 0..<steps {
      let taken = self.images(ofStep: step, of: steps, from: images)
      let parts = targets.filter { $0.images.overlaps(taken) }
      let moves = try parallelMap(count: parts.count, threads: threads) { [fit] in
        try self.move(
          fit, clamp, of: parts[$0], taken.clamped(to: parts[$0].images), inputs: inputs)
      }
      guard let first = moves.first else { break }
      let sum = moves.dropFirst().reduce(first) { $0.adding($1) }
      try fit.move(
        outputsBy: sum.change(of: fit.curvature, centred: centred), where: clamp.isBounded)
    }
    return fit
  }

  /// How far the clamp would have outputs moved, by some images of a part.
  private func move(
    _ fit: TargetFit, _ clamp: OutputClamp, of part: PartTargets, _ images: Range<Int>,
    inputs: [Tensor]
  ) throws -> OutputMove {
    try inputBlocks.withValue { blocks in
      var step = ClampedStep(
        fit, clamp: clamp, targets: part.rows.rows, shortcuts: part.shortcuts.rows,
        start: blocks.positions(ofFirst: images.lowerBound)
          - blocks.positions(ofFirst: part.images.lowerBound),
        meanWeight: meanWeight)
      try blocks.add(images: images, of: inputs, to: &step)
      return step.move
    }
  }

  /// The images that an alternation looks at: each its share, and as many as tell enough about every
  /// column.
  private func images(ofStep step: Int, of steps: Int, from images: Int) -> Range<Int> {
    let enough = Self.positionsPerColumn * geometry.columns * stride / geometry.positions
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
