import LinearAlgebra
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

  /// Positions that a part has at least, so that its sums are worth their while.
  static let positionsOfPart = 16 * PositionBlocks.size
  /// What the sums of parts that are looked at together may take, in bytes.
  private static let mostBytesOfParts = 1 << 28

  private let layer: String
  private let geometry: ConsumerGeometry
  private let target: LayerTarget
  private let clamp: OutputClamp?
  private let meanWeight: Int
  /// Of inputs with targets, and of inputs alone.
  private let blocks: Pool<PositionBlocks>
  private let inputBlocks: Pool<PositionBlocks>
  /// Every how many-th output position is taken.
  private let stride: Int
  /// Samples that are not looked at yet, by part; the last part may still grow.
  private var waiting: [[Samples]] = []
  /// Images that were looked at.
  private var images = 0
  /// Of inputs with targets.
  private var moments: LayerMoments
  /// In the order of their images.
  private var targets: [PartTargets] = []

  /// Some samples.
  public struct Samples: Sendable {
    /// `[n, H, W, C]`.
    let input: Tensor
    let maps: [ChannelMaps]

    /// - Parameters:
    ///   - input: `[n, H, W, C]`.
    ///   - output: What the dense layer puts out, `[n, H', W', O]`.
    ///   - shortcuts: What is added to that in the dense network and in the pruned one, of the same
    ///     shape, if anything is.
    public init(
      input: Tensor, output: ChannelMaps, shortcuts: (dense: ChannelMaps, own: ChannelMaps)?
    ) {
      self.input = input
      maps = [output] + (shortcuts.map { [$0.dense, $0.own] } ?? [])
    }

    fileprivate var count: Int { input.shape.first ?? 0 }
  }

  private struct PartTargets: Sendable {
    let images: Range<Int>
    let kept: KeptTargets
  }

  /// - Parameters:
  ///   - target: What it is to be fitted to.
  ///   - clamp: What the output goes through; nil for plain least squares.
  ///   - hasShortcut: Whether something is added to the output before the clamp.
  ///   - meanWeight: κ.
  public init(
    _ layer: String, geometry: ConsumerGeometry, target: LayerTarget, clamp: OutputClamp?,
    hasShortcut: Bool, positionsPerImage: Int, meanWeight: Int = 0
  ) {
    self.layer = layer
    self.geometry = geometry
    self.target = target
    self.clamp = clamp
    // The mean of one position is the position.
    let meanWeight = geometry.positions > 1 ? meanWeight : 0
    self.meanWeight = meanWeight
    let outputs = geometry.outputs
    let companions = Array(repeating: outputs, count: hasShortcut ? 3 : 1)
    stride = geometry.positionStride(positionsPerImage: positionsPerImage)
    moments = LayerMoments(
      geometry, targets: outputs, positionStride: stride, meanWeight: meanWeight)
    let readsWindows = moments.readsWindows
    blocks = Pool {
      PositionBlocks(
        geometry: geometry, companions: companions, positionsPerImage: positionsPerImage,
        readsWindows: readsWindows)
    }
    inputBlocks = Pool {
      PositionBlocks(geometry: geometry, positionsPerImage: positionsPerImage)
    }
  }

  /// Adds the next samples. They are looked at once there are parts enough for all threads; parts
  /// are whole additions, so their sizes decide about the last bits.
  ///
  /// - Throws: ``RecoveryError`` with `shapeMismatch` or `nonFiniteActivations`.
  public mutating func add(_ samples: Samples, threads: Int) throws {
    if waiting.last.map(isFull) ?? true {
      if waiting.count >= together(threads) { try look(threads) }
      waiting.append([])
    }
    waiting[waiting.count - 1].append(samples)
  }

  private func isFull(_ part: [Samples]) -> Bool {
    let images = part.reduce(0) { $0 + $1.count }
    return images * geometry.positions >= Self.positionsOfPart * stride
  }

  /// How many parts are looked at together.
  private func together(_ threads: Int) -> Int {
    let bytes = Self.bytesOfPart(geometry, positionStride: stride)
    return max(min(threads, Self.mostBytesOfParts / max(bytes, 1)), 1)
  }

  /// What one part takes: its moments, and a block with what the networks add to the outputs.
  private static func bytesOfPart(_ geometry: ConsumerGeometry, positionStride: Int) -> Int {
    LayerMoments.bytes(geometry, targets: geometry.outputs, positionStride: positionStride)
      + 2 * 4 * PositionBlocks.size * (geometry.columns + 3 * geometry.outputs)
  }

  /// What a layer's fit takes besides its samples, in bytes, about.
  public static func bytes(
    _ geometry: ConsumerGeometry, positionsPerImage: Int, threads: Int
  ) -> Int {
    let stride = geometry.positionStride(positionsPerImage: positionsPerImage)
    let part = bytesOfPart(geometry, positionStride: stride)
    return part + max(min(threads * part, mostBytesOfParts), part)
  }

  /// Looks at all parts that wait, on some threads, and adds them up in their order.
  private mutating func look(_ threads: Int) throws {
    let parts = waiting
    waiting = []
    let firsts = parts.reduce(into: [images]) { firsts, part in
      firsts.append(firsts[firsts.count - 1] + part.reduce(0) { $0 + $1.count })
    }
    images = firsts[parts.count]
    var done = 0
    if moments.centre.isEmpty, !parts.isEmpty {
      // What the first part is centred by, all others are.
      try add(look(at: parts[0], from: 0, centre: []), of: 0..<firsts[1])
      done = 1
    }
    let looks = try parallelMap(count: parts.count - done, threads: threads) {
      [self, done, centre = moments.centre] place in
      try look(at: parts[done + place], from: firsts[done + place], centre: centre)
    }
    for (place, look) in zip(done..., looks) {
      try add(look, of: firsts[place]..<firsts[place + 1])
    }
  }

  /// - Parameter first: How many images come before.
  private func look(
    at part: [Samples], from first: Int, centre: [Float]
  ) throws -> TargetMoments {
    try blocks.withValue { blocks in
      var moments = TargetMoments(
        geometry, target: target, column: blocks.firstCompanion, keepsTargets: clamp != nil,
        moments: LayerMoments(
          geometry, targets: geometry.outputs, positionStride: stride, meanWeight: meanWeight,
          centre: centre))
      blocks.restart(after: first)
      for samples in part {
        try blocks.add(input: samples.input, maps: samples.maps, to: &moments)
      }
      try blocks.flush(to: &moments)
      return moments
    }
  }

  /// Adds what a part was found to be.
  private mutating func add(_ look: TargetMoments, of images: Range<Int>) throws {
    if moments.centre.isEmpty { moments = look.moments } else { try moments.add(look.moments) }
    targets.append(PartTargets(images: images, kept: look.kept))
  }

  /// The fit.
  ///
  /// - Parameters:
  ///   - prior: The weights it leans to, `[O, K]`.
  ///   - inputs: The inputs of all samples again, in the order they were added.
  ///   - steps: Alternations for the clamp.
  /// - Throws: ``RecoveryError``, naming the layer.
  public mutating func solved(
    prior: [Float], centred: Bool, relativeDamping: Double, inputs: [Tensor], steps: Int,
    threads: Int = 1
  ) throws -> TargetFit {
    try look(threads)
    var fit = try TargetFit(
      layer, gram: moments.gram(), prior: prior, outputs: geometry.outputs, centred: centred,
      relativeDamping: relativeDamping)
    guard let clamp, fit.relativeError > Self.negligibleError else { return fit }
    for step in 0..<steps {
      let move = try move(
        fit, clamp, by: images(ofStep: step, of: steps), of: inputs, threads: threads)
      try fit.move(
        outputsBy: move.change(of: fit.curvature, centred: centred), where: clamp.isBounded)
    }
    return fit
  }

  /// How far the clamp would have outputs moved, by some images.
  private func move(
    _ fit: TargetFit, _ clamp: OutputClamp, by images: Range<Int>, of inputs: [Tensor],
    threads: Int
  ) throws -> OutputMove {
    let parts = targets.filter { $0.images.overlaps(images) }
    var sum = OutputMove(of: fit)
    var next = 0
    while next < parts.count {
      let group = parts[next..<min(next + together(threads), parts.count)]
      let moves = try parallelMap(count: group.count, threads: threads) { place in
        let part = group[group.startIndex + place]
        return try move(
          fit, clamp, of: part, images.clamped(to: part.images), inputs: inputs)
      }
      for move in moves { sum.add(move) }
      next += group.count
    }
    return sum
  }

  /// How far the clamp would have outputs moved, by some images of a part.
  private func move(
    _ fit: TargetFit, _ clamp: OutputClamp, of part: PartTargets, _ images: Range<Int>,
    inputs: [Tensor]
  ) throws -> OutputMove {
    try inputBlocks.withValue { blocks in
      var step = ClampedStep(
        fit, geometry, clamp: clamp, targets: part.kept,
        start: blocks.positions(ofFirst: images.lowerBound)
          - blocks.positions(ofFirst: part.images.lowerBound),
        meanWeight: meanWeight)
      try blocks.add(images: images, of: inputs, to: &step)
      return step.move
    }
  }

  /// The images that an alternation looks at: each its share, and as many as tell enough about every
  /// column.
  private func images(ofStep step: Int, of steps: Int) -> Range<Int> {
    let enough = Self.positionsPerColumn * geometry.columns * stride / geometry.positions
    let count = min(max((images + steps - 1) / steps, enough), images)
    let first = min(step * images / steps, images - count)
    return first..<first + count
  }

  /// Positions that an alternation looks at for every column, if there are as many.
  private static let positionsPerColumn = 24
}

/// Makes targets of what the dense layer puts out, sums their moments with the inputs, and keeps them.
struct TargetMoments: BlockConsumer, Sendable {
  private(set) var moments: LayerMoments
  private(set) var kept: KeptTargets
  private let target: LayerTarget
  /// A block's first one of the targets.
  private let column: Int
  private let keepsTargets: Bool

  init(
    _ geometry: ConsumerGeometry, target: LayerTarget, column: Int, keepsTargets: Bool,
    moments: LayerMoments
  ) {
    self.target = target
    self.column = column
    self.keepsTargets = keepsTargets
    self.moments = moments
    kept = KeptTargets(outputs: geometry.outputs)
  }

  mutating func take(_ block: inout FloatRows, images: [BlockImage]) throws {
    let positions = images.positions
    // Behind the targets there are ones.
    let dense = column + kept.outputs + 1
    let own = dense + kept.outputs
    let hasShortcut = block.columns > dense
    target.write(
      to: &block, rows: positions, outputs: column,
      shortcuts: hasShortcut ? (dense: dense, own: own) : nil)
    if keepsTargets {
      kept.append(block, rows: positions, targets: column, shortcuts: hasShortcut ? own : nil)
    }
    try moments.take(&block, images: images)
  }
}

/// What a layer should put out at the positions that were looked at.
struct KeptTargets: Sendable {
  /// O.
  let outputs: Int
  /// `[positions, O]`; empty where nothing asks for them.
  private(set) var targets: [Float] = []
  /// What is added to them, of the same shape; empty if nothing.
  private(set) var shortcuts: [Float] = []

  init(outputs: Int) { self.outputs = outputs }

  /// Appends the positions of a block.
  ///
  /// - Parameters:
  ///   - targets: The block's first column of the targets.
  ///   - shortcuts: That of what is added to them.
  fileprivate mutating func append(
    _ block: FloatRows, rows: Int, targets: Int, shortcuts: Int?
  ) {
    block.appendColumns(targets..<targets + outputs, rows: rows, to: &self.targets)
    if let shortcuts {
      block.appendColumns(shortcuts..<shortcuts + outputs, rows: rows, to: &self.shortcuts)
    }
  }
}
