import Datasets
import Digests
import Execution
import Importance
import NetworkGraph
import Parallelism
import Synchronization
import Tensors

/// Which images a tile is of, and how many there are.
struct ImageTile: Sendable, Hashable {
  var shard: Digest
  var images: Int
}

/// Tiles of images on their way through a network together.
///
/// All of them are halted behind each tap and go on once somebody has looked at its features. So
/// memory holds what the network needs to go on and hardly more, and each image goes through the
/// network once however many pairs of tiles are looked at.
struct TilePass: Sendable {
  let model: PreparedModel
  let taps: [ValueID]
  /// By tap: what is subtracted from its features.
  let centres: [[Float]]
  let microBatch: Int
  let bench: Workbench

  /// Calls `body` for one tap after the other, as the network has them, with the features of all
  /// tiles.
  ///
  /// - Parameters:
  ///   - here: Places of the tiles that pass here, where others pass elsewhere; nil for all.
  ///   - bytes: What all of it takes; the bench forgets as much of what it remembers.
  ///   - body: Takes the tap's place and the features by tile, in the backend's order of
  ///     channels.
  func run(
    _ tiles: [ImageTile], here: Set<Int>? = nil, taking bytes: Int,
    body: @escaping @Sendable (Int, [TileFeatures]) throws -> Void
  ) async throws {
    let way = try await way()
    let here = here ?? Set(tiles.indices)
    let batches = try await batches(of: tiles, here)
    let images = here.reduce(0) { $0 + tiles[$1].images }
    bench.cache.makeRoom(bytes)
    try await bench.compute {
      let parts = way.stretches.parts
      for (number, (part, stretch)) in zip(parts, way.prepared).enumerated() {
        try bench.progress.reach(Double(number) / Double(parts.count))
        let values = try parallelMap(count: batches.count, threads: bench.threads) {
          try self.values(of: part, batches[$0].advance(along: stretch), batches[$0])
        }
        for (place, tap) in part.taps.enumerated() {
          let centre = centre(of: tap)
          try body(
            tap,
            tiles.indices.map { tile in
              here.contains(tile)
                ? try TileFeatures(
                  zip(batches, values).filter { $0.0.tile == tile }.map { $1[place] },
                  centre: centre)
                : TileFeatures(
                  elsewhere: bench.backend.channelOrder.extentsPerImage(
                    of: model.network[taps[tap]].shape),
                  images: tiles[tile].images, centre: centre)
            })
        }
        // For progress, an image counts bit by bit.
        bench.progress.add(
          images: images * (number + 1) / parts.count - images * number / parts.count)
      }
    }
  }

  /// The memory that passes need.
  ///
  /// - Parameter threads: Of a worker; nil for this one's.
  func footprint(threads: Int? = nil) async throws -> ScoreFootprint {
    ScoreFootprint(
      try await way().stretches, microBatch: microBatch, threads: threads ?? bench.threads)
  }

  /// The features of a part's taps, `[n, …]` each.
  private func values(
    of part: TapStretches.Part, _ values: [ValueID: Tensor], _ batch: HaltedBatch
  ) throws -> [Tensor] {
    try part.taps.map { tap in
      guard let value = values[taps[tap]] else {
        throw ExecutionError(
          .libraryFailure, "no value came back for \(model.network[taps[tap]].name)")
      }
      return value.byImage(
        batch.images.count, model.network[taps[tap]].shape, order: bench.backend.channelOrder)
    }
  }

  /// A tap's centre; a number for every feature where channels are not first.
  private func centre(of tap: Int) -> [Float] {
    let (centre, shape) = (centres[tap], model.network[taps[tap]].shape)
    let order = bench.backend.channelOrder
    guard order.isKept(for: shape), centre.count == shape.dimensions[1].perImage else {
      return centre
    }
    let area = shape.elementsPerImage / centre.count
    // Those that lie side by side come again at each place.
    let block = order.extentsPerImage(of: shape).last ?? 1
    return stride(from: 0, to: centre.count, by: block).flatMap { start in
      repeatElement(centre[start..<start + block], count: area).joined()
    }
  }

  private struct Way: Sendable {
    let stretches: TapStretches
    let prepared: [Stretch]
  }

  /// Making plans takes as long as a few images do: they are remembered.
  private func way() async throws -> Way {
    let names = Digest(parts: taps.map { model.network[$0].name })
    return try await bench.cache.value(for: "way/\(model.digest)/\(names)/\(microBatch)") {
      let stretches = try TapStretches(of: model.network, taps: taps)
      let weights = model.network.values.reduce(0) { $0 + 4 * ($1.constant?.count ?? 0) }
      return (
        Way(
          stretches: stretches,
          prepared: stretches.stretches(on: bench.backend, microBatch: microBatch)),
        bench.threads * weights
      )
    }
  }

  /// The images of all tiles, halted before the first node.
  private func batches(of tiles: [ImageTile], _ here: Set<Int>) async throws -> [HaltedBatch] {
    var batches: [HaltedBatch] = []
    for (place, tile) in tiles.enumerated() where here.contains(place) {
      let shard = try await bench.shard(tile.shard)
      guard shard.count == tile.images else {
        throw PipelineError(
          .corruptArtifact,
          "shard \(tile.shard.short) has \(shard.count) images where \(tile.images) were asked for")
      }
      for range in MicroBatches(images: tile.images, size: microBatch).ranges {
        let frontier = Frontier(
          model.network, inputs: shard.tensors(range), order: bench.backend.channelOrder)
        batches.append(HaltedBatch(tile: place, images: range, frontier: frontier))
      }
    }
    return batches
  }
}

/// A micro-batch halted in the network.
private final class HaltedBatch: Sendable {
  /// The tile's place.
  let tile: Int
  /// Of the tile.
  let images: Range<Int>
  private let frontier: Mutex<Frontier>

  init(tile: Int, images: Range<Int>, frontier: Frontier) {
    (self.tile, self.images) = (tile, images)
    self.frontier = Mutex(frontier)
  }

  /// - Returns: The stretch's taps, `[n, …]`.
  func advance(along stretch: Stretch) throws -> [ValueID: Tensor] {
    try frontier.withLock { try $0.advance(along: stretch) }
  }
}
