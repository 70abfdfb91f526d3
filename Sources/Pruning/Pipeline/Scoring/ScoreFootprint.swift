import Importance
import NetworkGraph
import Quantities

/// The memory that a worker needs for kernels of pairs of tiles.
public struct ScoreFootprint: Sendable {
  /// A part of the network, of one image.
  private struct Part {
    var taps: Int
    /// Most elements of a tap.
    var widest = 0
    /// Elements that are there while its taps are looked at: the taps, and what is read behind it.
    var halted: Int
  }

  private let parts: [Part]
  /// Images that are on their way at a time; the others are halted.
  private let inFlight: Int

  init(_ stretches: TapStretches, microBatch: Int, threads: Int) {
    func elements(_ values: some Sequence<ValueID>) -> Int {
      values.reduce(0) { $0 + stretches.network[$1].shape.elementsPerImage }
    }
    // Before the first node there are the inputs.
    let start = Part(taps: 0, halted: elements(stretches.network.inputs))
    parts =
      [start]
      + stretches.parts.map { part in
        let values = Set(part.live + part.taps.map { stretches.taps[$0] })
        return Part(
          taps: part.taps.count,
          widest: part.taps.map { elements([stretches.taps[$0]]) }.max() ?? 0,
          halted: elements(values))
      }
    inFlight = microBatch * threads
  }

  private init(parts: [Part], inFlight: Int) {
    (self.parts, self.inFlight) = (parts, inFlight)
  }

  /// Features of an image at the widest tap.
  var widest: Int { parts.map(\.widest).max() ?? 1 }

  private var taps: Int { parts.reduce(0) { $0 + $1.taps } }

  /// Bytes that a worker needs for so many pairs of so many different tiles.
  ///
  /// - Parameters:
  ///   - images: In a tile.
  ///   - all: The tiles of all members of a gang, where `tiles` of them are this worker's; nil for
  ///     a worker that has them to itself.
  public func total(images: Int, tiles: Int, pairs: Int, sharing all: Int? = nil) -> Int {
    // Images that go on have what was halted and what comes of it.
    let halted = 4 * (tiles * images + 2 * inFlight) * (parts.map(\.halted).max() ?? 0)
    let band = TileKernels.slotByteCount(
      images: [Int](repeating: images, count: all ?? tiles), widest: widest)
    return halted + band * (all == nil ? 1 : TileKernels.slots)
      + pairs * TilePairSums.byteCount(taps: taps, images: images)
  }

  /// - Parameters:
  ///   - limit: Of a worker, in bytes.
  ///   - tiles: One or two.
  /// - Throws: ``PipelineError`` with `invalidInput` where a worker may not hold the tiles of one
  ///   pair, with the number of taps and the size of tiles that would fit.
  public func check(limit: Int, images: Int, tiles: Int) throws {
    let needed = total(images: images, tiles: tiles, pairs: 1)
    guard needed > limit else { return }
    let fitting = (1..<max(taps, 1)).last {
      first($0).total(images: images, tiles: tiles, pairs: 1) <= limit
    }
    let smaller = (1..<images).last { total(images: $0, tiles: tiles, pairs: 1) <= limit }
    throw PipelineError(
      .invalidInput,
      """
      \(taps) taps take \(Bytes(Int64(needed))) for \(tiles == 1 ? "a tile" : "two tiles") of \
      \(images) images, and a worker may use \(Bytes(Int64(limit))): \
      \(fitting ?? 0) of the taps\(smaller.map { ", or tiles of \($0) images (--tile \($0))," } ?? "") \
      would fit; give workers more with --memory, or choose other --taps
      """)
  }

  /// The same for the first taps alone.
  private func first(_ count: Int) -> ScoreFootprint {
    var (left, parts) = (count, [Part]())
    for part in self.parts where left > 0 {
      parts.append(Part(taps: min(part.taps, left), widest: part.widest, halted: part.halted))
      left -= part.taps
    }
    return ScoreFootprint(parts: parts, inFlight: inFlight)
  }
}

extension Pipeline {
  /// Checks that workers of so many threads can hold what the scores need.
  ///
  /// - Parameter memory: Of a worker, in bytes.
  /// - Throws: ``PipelineError`` with `invalidInput`.
  public func checkScoreMemory(_ memory: Int, threads: Int) throws {
    let isOne = recipe.estimator == .minibatch || calibration.shards.count == 1
    let stretches = try TapStretches(of: model.network, taps: try model.values(named: taps))
    try ScoreFootprint(stretches, microBatch: recipe.microBatch, threads: threads).check(
      limit: memory, images: calibration.images(inShard: 0), tiles: isOne ? 1 : 2)
  }
}
