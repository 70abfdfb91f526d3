import Datasets
import Digests
import Execution
import Foundation
import Importance
import LinearAlgebra
import NetworkGraph
import Parallelism
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
    guard let lending = bench.lending else {
      return try await make(tile, key: key, beside: others)
    }
    let layout = layout(tile.images)
    // To help takes memory for a while; what is remembered is worth more than that.
    var isHelping = bench.cache.hasRoom(footprint.tile + footprint.working)
    while true {
      switch try await bench.compute({ [isHelping] in
        lending.approach(key, layout, isHelping: isHelping)
      }) {
      case .borrow(let memory): return try features(tile.images, in: memory.pages)
      case .help(let memory):
        isHelping = false
        let (images, plans) = (try await images(of: tile), try await plans())
        try await bench.compute {
          try fill(try features(tile.images, in: memory.pages), memory, from: images, with: plans)
        }
      case .make(let claim):
        defer { claim?.release() }
        return try await make(tile, key: key, beside: others)
      }
    }
  }

  private func images(of tile: ImageTile) async throws -> DataShard {
    let images = try await bench.shard(tile.shard)
    guard images.count == tile.images else {
      throw PipelineError(
        .corruptArtifact,
        "shard \(tile.shard.short) has \(images.count) images where \(tile.images) were asked for")
    }
    return images
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

  private func layout(_ images: Int) -> TileMemory.Layout {
    TileMemory.Layout(
      features: footprint(images).tile,
      batches: MicroBatches(images: images, size: microBatch).count)
  }

  private func make(
    _ tile: ImageTile, key: Digest, beside others: [ImageTile]
  ) async throws -> [TileFeatures] {
    let (images, plans) = (try await images(of: tile), try await plans())
    let footprint = footprint(tile.images)
    let inUse = Set((others + [tile]).map { "\(self.key($0.shard))" })
    return try await bench.compute {
      bench.cache.makeRoom(footprint.tile + footprint.working, keeping: inUse)
      let memory = try TileMemory(
        layout(tile.images), key: key, isLendable: bench.lending != nil)
      let loan = bench.lending?.lend(memory, as: key)
      var features = try features(tile.images, in: memory.pages)
      try fill(features, memory, from: images, with: plans)
      let late = memory.unfinished
      try parallelFor(count: late.count, threads: bench.threads) { [features] place in
        try fill(features, late[place], from: images, with: plans)
      }
      for tap in features.indices { features[tap].fill() }
      memory.complete()
      bench.cache.remember(
        FeatureTile(features: features, of: tile.shard, loan: loan), bytes: footprint.tile,
        for: "\(key)")
      return features
    }
  }

  /// Makes the micro-batches that nobody else has taken.
  private func fill(
    _ features: [TileFeatures], _ memory: TileMemory, from images: DataShard, with plans: PlanPool
  ) throws {
    try parallelFor(count: bench.threads, threads: bench.threads) { _ in
      while let batch = memory.take() {
        try fill(features, batch, from: images, with: plans)
        memory.finish(batch)
      }
    }
  }

  private func fill(
    _ features: [TileFeatures], _ batch: Int, from images: DataShard, with plans: PlanPool
  ) throws {
    let range = MicroBatches(images: images.count, size: microBatch).range(of: batch)
    try bench.runner.hand(range, of: images, through: model.network, taps: taps, with: plans) {
      tap, values in
      try features[tap].write(values, at: range.lowerBound)
    }
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
