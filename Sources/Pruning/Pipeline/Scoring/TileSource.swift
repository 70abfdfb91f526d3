import Datasets
import Digests
import Execution
import Foundation
import Importance
import LinearAlgebra
import NetworkGraph
import Tensors

/// Which images a tile is of, and how many there are.
struct ImageTile: Sendable {
  var shard: Digest
  var images: Int
}

/// The features of tiles of images at some taps: remembered, borrowed from another worker of this
/// machine, or computed.
struct TileSource: Sendable {
  let model: PreparedModel
  let taps: [ValueID]
  /// By tap.
  let centres: [[Float]]
  let microBatch: Int
  let bench: Workbench
  /// What the features depend on beside the images.
  private let origin: Digest

  init(
    model: PreparedModel, taps: [ValueID], centres: [[Float]], microBatch: Int, bench: Workbench
  ) {
    self.model = model
    self.taps = taps
    self.centres = centres
    self.microBatch = microBatch
    self.bench = bench
    let reference = KernelReference(kernel: .linear, centres: centres).encoded()
    let identity = bench.backend.identity
    origin = Digest(
      parts: [
        "tile-features-1", "\(model.digest)", "\(Digest(of: reference))", "\(microBatch)",
        identity.name, identity.version, identity.instructionSet,
      ] + taps.map { model.network[$0].name })
  }

  /// Both tiles of a pair, or one where `second` is nil.
  ///
  /// - Throws: ``PipelineError`` with `invalidInput` where they do not fit the bench's memory.
  func pair(
    _ first: ImageTile, _ second: ImageTile?
  ) async throws -> (first: [TileFeatures], second: [TileFeatures]?) {
    guard let second else { return (try await tile(first, beside: []), nil) }
    // While another worker computes the one, this one computes the other.
    if bench.lending?.isBeingMade(key(first.shard)) == true {
      let y = try await tile(second, beside: [first])
      return (try await tile(first, beside: [second]), y)
    }
    let x = try await tile(first, beside: [second])
    return (x, try await tile(second, beside: [first]))
  }

  /// The features of a tile, ready for products.
  ///
  /// - Parameter others: Tiles whose features are in use.
  func tile(_ tile: ImageTile, beside others: [ImageTile]) async throws -> [TileFeatures] {
    let key = key(tile.shard)
    if let known: FeatureTile = bench.cache.known("\(key)") { return known.features }
    let footprint = footprint(tile.images)
    try footprint.check(limit: bench.cache.limit, tiles: 1 + others.count)
    // Whoever makes it holds it until it is there: this one waits and fetches no images.
    let claim = try await bench.compute { () -> TileClaim? in
      if bench.lending?.offers(key) == true { return nil }
      return bench.lending?.claim(key)
    }
    defer { claim?.release() }
    if let features = try borrowed(key, images: tile.images) { return features }
    let images = try await bench.shard(tile.shard)
    guard images.count == tile.images else {
      throw PipelineError(
        .corruptArtifact,
        "shard \(tile.shard.short) has \(images.count) images where \(tile.images) were asked for")
    }
    let plans = try await plans()
    let inUse = Set((others + [tile]).map { "\(self.key($0.shard))" })
    return try await bench.compute {
      bench.cache.makeRoom(footprint.tile + footprint.working, keeping: inUse)
      let made = try make(tile.shard, images, key: key, with: plans)
      bench.cache.remember(made, bytes: footprint.tile, for: "\(key)")
      return made.features
    }
  }

  /// What tiles of these taps are made with: making it takes as long as a few images do.
  private func plans() async throws -> PlanPool {
    try await bench.cache.value(for: "plans/\(origin)") {
      let network = model.network
      let options = ExecutionOptions(
        batch: microBatch, taps: taps, wantsOutputs: taps.contains(where: network.outputs.contains))
      let weights = network.values.reduce(0) { $0 + 4 * ($1.constant?.count ?? 0) }
      let pool = PlanPool { [backend = bench.backend] in
        try backend.plan(network, options: options)
      }
      return (pool, bench.threads * weights)
    }
  }

  private func key(_ shard: Digest) -> Digest { Digest(parts: ["\(origin)", "\(shard)"]) }

  private func footprint(_ images: Int) -> ScoreFootprint {
    ScoreFootprint(
      of: model.network, taps: taps, images: images, microBatch: microBatch,
      threads: bench.threads)
  }

  /// The features as another worker of this machine has them.
  private func borrowed(_ key: Digest, images: Int) throws -> [TileFeatures]? {
    try bench.lending?.borrow(key, byteCount: footprint(images).tile).map {
      try features(images, in: $0)
    }
  }

  private func make(
    _ shard: Digest, _ images: DataShard, key: Digest, with plans: PlanPool
  ) throws -> FeatureTile {
    let byteCount = footprint(images.count).tile
    let pages = try PageMemory(
      byteCount: TileLending.byteCount(byteCount), lendable: bench.lending != nil)
    var features = try features(images.count, in: pages)
    try bench.runner.fill(
      from: model.network, on: images, taps: taps, microBatch: microBatch, with: plans
    ) { [features] tap, range, values in
      try features[tap].write(values, at: range.lowerBound)
    }
    for tap in features.indices { features[tap].fill() }
    return FeatureTile(features: features, of: shard, loan: bench.lending?.lend(pages, as: key))
  }

  /// The features of `images` images in some pages, tap after tap.
  private func features(_ images: Int, in pages: PageMemory) throws -> [TileFeatures] {
    var offset = 0
    return try zip(taps, centres).map { tap, centre in
      let shape = model.network[tap].shape.extentsPerImage
      defer { offset += TileFeatures.byteCount(images: images, features: shape.elementCount) }
      return try TileFeatures(
        images: images, shape: shape, centre: centre, in: pages, at: offset)
    }
  }
}

/// A tile's features as a worker remembers them, offered to others while it does.
final class FeatureTile: Sendable {
  let features: [TileFeatures]
  /// The images they are of.
  let shard: Digest
  private let loan: TileLoan?

  init(features: [TileFeatures], of shard: Digest, loan: TileLoan?) {
    self.shard = shard
    self.features = features
    self.loan = loan
  }
}
