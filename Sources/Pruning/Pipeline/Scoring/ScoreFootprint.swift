import Importance
import NetworkGraph
import Quantities

/// The memory that a worker needs for a job on one tile or two.
public struct ScoreFootprint: Sendable {
  /// Names of the taps, and elements of an image at each.
  let taps: [(name: String, features: Int)]
  /// In a tile.
  let images: Int
  /// Images that are on their way through a network.
  let inFlight: Int

  init(of network: Network, taps: [ValueID], images: Int, microBatch: Int, threads: Int) {
    self.taps = taps.map { (network[$0].name, network[$0].shape.elementsPerImage) }
    self.images = images
    inFlight = min(images, microBatch * threads)
  }

  private init(taps: [(name: String, features: Int)], images: Int, inFlight: Int) {
    self.taps = taps
    self.images = images
    self.inFlight = min(images, inFlight)
  }

  /// Bytes of a tile's features.
  public var tile: Int {
    taps.reduce(0) { $0 + TileFeatures.byteCount(images: images, features: $1.features) }
  }

  /// Bytes that come and go beside the tiles: activations as the network leaves them, and the
  /// kernels of all taps with a copy that products are made of.
  public var working: Int {
    let activations = 4 * inFlight * taps.reduce(0) { $0 + $1.features }
    return activations + 2 * 8 * taps.count * images * images
  }

  /// Bytes that a job on so many different tiles needs at most.
  public func total(tiles: Int) -> Int { tiles * tile + working }

  /// - Throws: ``PipelineError`` with `invalidInput` where a worker may not hold so much, with the
  ///   number of taps and the size of tiles that would fit.
  public func check(limit: Int, tiles: Int) throws {
    guard total(tiles: tiles) > limit else { return }
    func fits(_ taps: some Sequence<(name: String, features: Int)>, _ images: Int) -> Bool {
      ScoreFootprint(taps: Array(taps), images: images, inFlight: inFlight).total(tiles: tiles)
        <= limit
    }
    let fitting = taps.indices.last { fits(taps[...$0], images) }.map { $0 + 1 } ?? 0
    let smaller = (1..<images).last { fits(taps, $0) }
    throw PipelineError(
      .invalidInput,
      """
      the features of \(taps.count) taps take \(Bytes(Int64(total(tiles: tiles)))) for \
      \(tiles == 1 ? "a tile" : "two tiles") of \(images) images, and a worker may use \
      \(Bytes(Int64(limit))): \
      \(fitting) of the taps\(smaller.map { ", or tiles of \($0) images (--tile \($0))," } ?? "") \
      would fit; give workers more with --memory, or choose other --taps
      """)
  }
}

extension Pipeline {
  /// Checks that workers of so many threads can hold what the scores need.
  ///
  /// - Parameter memory: Of a worker, in bytes.
  /// - Throws: ``PipelineError`` with `invalidInput`.
  public func checkScoreMemory(_ memory: Int, threads: Int) throws {
    let isOne = recipe.estimator == .minibatch || calibration.shards.count == 1
    try ScoreFootprint(
      of: model.network, taps: try model.values(named: taps),
      images: calibration.images(inShard: 0), microBatch: recipe.microBatch, threads: threads
    ).check(limit: memory, tiles: isOne ? 1 : 2)
  }
}
