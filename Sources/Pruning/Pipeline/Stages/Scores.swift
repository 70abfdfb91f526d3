import Datasets
import Digests
import Execution
import Foundation
import Importance
import NetworkGraph
import Parallelism
import Synchronization

/// What tile 0 fixes for all tiles: centres, and the bandwidths of the RBF kernel.
struct KernelMeasurement: JobComputation {
  static let stage = Stage.scores
  static let kind = "kernel-reference-3"

  var model: Digest
  /// Names of the tapped values.
  var taps: [String]
  var kernel: KernelKind
  /// Shard of tile 0.
  var origin: Digest
  /// How many of its images the centres are the mean of; HSIC does not depend on them.
  var centred: Int
  var microBatch: Int

  /// For people; the artifact has all of it.
  struct Summary: Codable, Sendable {
    var kernel: KernelKind
    var bandwidths: [Double]
  }

  func compute(on bench: Workbench) async throws -> Outcome<Summary> {
    let model = try await bench.model(model)
    let images = try await bench.shard(origin)
    let values = try model.values(named: taps)
    let parts = try await bench.compute { [microBatch] in
      try bench.runner.batches(
        of: model.network, on: images.shard(0..<min(centred, images.count)), taps: values,
        microBatch: microBatch
      ) { $1.map { ChannelMeans($0) } }
    }
    let means = taps.indices.map { tap in
      parts.dropFirst().reduce(into: parts[0][tap]) { $0.add($1[tap]) }
    }
    let linear = try KernelReference(taps: taps, means: means)
    let reference = kernel == .rbf ? try await rbf(linear, model, on: bench) : linear
    return Outcome(
      Summary(kernel: kernel, bandwidths: reference.bandwidths),
      artifacts: [try await bench.artifacts.put(reference.encoded())])
  }

  /// The RBF kernel with the centres of the linear one.
  private func rbf(
    _ linear: KernelReference, _ model: PreparedModel, on bench: Workbench
  ) async throws -> KernelReference {
    let pass = TilePass(
      model: model, taps: try model.values(named: taps), centres: linear.centres,
      microBatch: microBatch, bench: bench)
    let images = try await bench.shard(origin).count
    let footprint = try await pass.footprint()
    try footprint.check(limit: bench.cache.limit, images: images, tiles: 1)
    let bytes = footprint.total(images: images, tiles: 1, pairs: 1)
    let bandwidths = Mutex([Double](repeating: 0, count: taps.count))
    let tile = ImageTile(shard: origin, images: images)
    try await pass.run([tile], taking: bytes) { [taps] tap, tiles in
      let bandwidth = try KernelReference.bandwidth(of: tiles[0], tap: taps[tap])
      bandwidths.withLock { $0[tap] = bandwidth }
    }
    return KernelReference(
      kernel: .rbf, centres: linear.centres, bandwidths: bandwidths.withLock { $0 })
  }
}

/// One block of the kernel matrices of all taps: two tiles of calibration images.
struct TilePairScores: JobComputation {
  static let stage = Stage.scores
  static let kind = "tile-pair-6"

  var model: Digest
  /// Names of the tapped values.
  var taps: [String]
  var pair: TilePair
  /// Shards of images: tile s, and tile t (nil on the diagonal).
  var first: Digest
  var second: Digest?
  /// Images in them.
  var firstImages: Int
  var secondImages: Int?
  /// Artifact of ``KernelMeasurement``.
  var reference: Digest
  var microBatch: Int

  var shards: [Digest] { [first] + (second.map { [$0] } ?? []) }

  /// Pairs of one sweep: the images of all their tiles pass through the network once.
  var pass: Digest? {
    Digest(parts: ["tiles", "\(model)", "\(reference)", "\(microBatch)"] + taps)
  }

  /// Entries of the kernels that have to be computed.
  var load: Double {
    Double(firstImages) * (secondImages.map(Double.init) ?? Double(firstImages) / 2)
  }

  static let makesGangs = true

  static func companions(among pairs: [Self], on bench: Workbench) async throws -> Int {
    let (pass, _) = try await pairs[0].tilePass(on: bench)
    let footprint = try await pass.footprint()
    let images = mostImages(in: pairs)
    var shards: Set<Digest> = []
    let tooMany = pairs.enumerated().first { place, pair in
      shards.formUnion(pair.shards)
      return !isEnough(
        bench.cache.limit,
        for: footprint.total(images: images, tiles: shards.count, pairs: place + 1))
    }
    return tooMany?.offset ?? pairs.count
  }

  /// Whether a worker's memory suffices for a pass.
  private static func isEnough(_ memory: Int, for bytes: Int) -> Bool {
    // The rest is for the model, its plans and the images.
    bytes <= memory / 4 * 3
  }

  /// Images of the largest tile.
  private static func mostImages(in pairs: [Self]) -> Int {
    pairs.map { max($0.firstImages, $0.secondImages ?? 0) }.max() ?? 0
  }

  func compute(on bench: Workbench) async throws -> Outcome<NoSummary> {
    try await Self.compute([self], on: bench)[0].get()
  }

  static func compute(
    _ pairs: [Self], on bench: Workbench
  ) async throws -> [Result<Outcome<NoSummary>, any Error>] {
    let (pass, reference) = try await pairs[0].tilePass(on: bench)
    let (tiles, places) = tiles(of: pairs)
    let images = tiles.map(\.images)
    let footprint = try await pass.footprint()
    let most = images.max() ?? 0
    try footprint.check(limit: bench.cache.limit, images: most, tiles: min(tiles.count, 2))
    let kernels = TileKernels(
      blocks(pairs, places), images: images, widest: footprint.widest, threads: bench.threads)
    return try await compute(
      pairs, kernels, reference, pass, of: tiles, here: Set(tiles.indices),
      taking: footprint.total(images: most, tiles: tiles.count, pairs: pairs.count))
  }

  static func passSize(
    of portions: [[Self]], memory: Int, threads: Int, on bench: Workbench
  ) async throws -> Int {
    let all = portions.flatMap(\.self)
    let footprint = try await all[0].tilePass(on: bench).0.footprint(threads: threads)
    let images = mostImages(in: all)
    let longest = portions.map(\.count).max() ?? 0
    let sizes = (1...max(longest, 1)).lazy.map { passes in (longest + passes - 1) / passes }
    return sizes.first { size in
      stride(from: 0, to: longest, by: size).allSatisfy { start in
        let tiles = Set(portions.flatMap { $0.dropFirst(start).prefix(size) }.flatMap(\.shards))
        let own = (tiles.count + portions.count - 1) / portions.count
        return isEnough(
          memory,
          for: footprint.total(images: images, tiles: own, pairs: size, sharing: tiles.count))
      }
    } ?? 0
  }

  static func compute(
    _ gang: GangPass<Self>, on bench: Workbench
  ) async throws -> [Result<Outcome<NoSummary>, any Error>] {
    let all = gang.portions.flatMap(\.self)
    let (pass, reference) = try await all[0].tilePass(on: bench)
    let (tiles, places) = tiles(of: all)
    let images = tiles.map(\.images)
    let footprint = try await pass.footprint()
    let here = tilesHere(for: gang.place, of: gang.portions.count, images: images)
    let first = gang.portions[..<gang.place].reduce(0) { $0 + $1.count }
    let (pairs, widest, threads) = (gang.own, footprint.widest, bench.threads)
    // To wait for the others is not for Swift's cooperative pool.
    let (ring, kernels) = try await bench.compute {
      let ring = try SharedRing(
        gang.name, place: gang.place, of: gang.portions.count, slots: TileKernels.slots,
        slotBytes: TileKernels.slotByteCount(images: images, widest: widest))
      let kernels = TileKernels(
        blocks(pairs, places[first...]), images: images, widest: widest, threads: threads,
        sharing: ring)
      return (ring, kernels)
    }
    // Whatever happens, nobody waits for who is not there.
    defer { ring.leave() }
    return try await compute(
      pairs, kernels, reference, pass, of: tiles, here: here,
      taking: footprint.total(
        images: images.max() ?? 0, tiles: here.count, pairs: pairs.count, sharing: tiles.count))
  }

  /// Which tiles a member of a gang takes through the network: everybody about as many images.
  private static func tilesHere(for member: Int, of members: Int, images: [Int]) -> Set<Int> {
    var loads = [Int](repeating: 0, count: members)
    return Set(
      images.indices.filter { tile in
        let maker = loads.indices.min { loads[$0] < loads[$1] } ?? 0
        loads[maker] += images[tile]
        return maker == member
      })
  }

  private static func blocks(
    _ pairs: [Self], _ places: some Sequence<(first: Int, second: Int?)>
  ) -> [TileKernels.Block] {
    zip(pairs, places).map { .init($0.pair, first: $1.first, second: $1.second) }
  }

  /// - Parameter here: The tiles that pass through the network here.
  private static func compute(
    _ pairs: [Self], _ kernels: TileKernels, _ reference: KernelReference, _ pass: TilePass,
    of tiles: [ImageTile], here: Set<Int>, taking bytes: Int
  ) async throws -> [Result<Outcome<NoSummary>, any Error>] {
    let bench = pass.bench
    let taps = pass.taps.map { pass.model.network[$0].name }
    let work = Mutex(
      (kernels: kernels, sums: pairs.map { TilePairSums($0.pair, taps: taps) }))
    try await pass.run(tiles, here: here, taking: bytes) { tap, features in
      try work.withLock { work in
        let kernels = try work.kernels.kernels(
          of: features, tap: taps[tap], bandwidth: reference.bandwidth(of: tap))
        for (place, kernel) in kernels.enumerated() { work.sums[place].add(kernel, at: tap) }
      }
    }
    let statistics = try await bench.compute {
      let sums = work.withLock { $0.sums }
      return try parallelMap(count: sums.count, threads: bench.threads) { place in
        Result { try sums[place].statistics().encoded() }
      }
    }
    return await statistics.results {
      Outcome(NoSummary(), artifacts: [try await bench.artifacts.put($0.get())])
    }
  }

  /// The different tiles of some pairs, and their places by pair.
  private static func tiles(of pairs: [Self]) -> ([ImageTile], [(first: Int, second: Int?)]) {
    var tiles: [ImageTile] = []
    var known: [ImageTile: Int] = [:]
    func place(_ tile: ImageTile) -> Int {
      if let place = known[tile] { return place }
      tiles.append(tile)
      known[tile] = tiles.count - 1
      return tiles.count - 1
    }
    let places = pairs.map { pair in
      (
        first: place(ImageTile(shard: pair.first, images: pair.firstImages)),
        second: pair.second.map {
          place(ImageTile(shard: $0, images: pair.secondImages ?? pair.firstImages))
        }
      )
    }
    return (tiles, places)
  }

  private func tilePass(on bench: Workbench) async throws -> (TilePass, KernelReference) {
    let model = try await bench.model(model)
    let reference = try await bench.cache.value(for: "reference/\(reference)") {
      let data = try await bench.artifacts.data(for: self.reference)
      return (try KernelReference(decoding: data), data.count)
    }
    guard reference.centres.count == taps.count else {
      throw PipelineError(
        .corruptArtifact, "a kernel of \(reference.centres.count) taps for \(taps.count)")
    }
    let pass = TilePass(
      model: model, taps: try model.values(named: taps), centres: reference.centres,
      microBatch: microBatch, bench: bench)
    return (pass, reference)
  }
}

/// The sum over all tile pairs: the nHSIC matrix and the importances, with an account of what was
/// added.
struct ScoreSum: JobComputation {
  static let stage = Stage.scores
  static let kind = "score-sum-3"

  var taps: [String]
  var layout: TileLayout
  var estimator: HSICEstimator
  /// Artifact of ``KernelMeasurement``.
  var reference: Digest
  /// Statistics of `layout.pairs(for: estimator)`, in that order.
  var statistics: [Digest]
  var beta: Double

  func compute(on bench: Workbench) async throws -> Outcome<ImportanceScores> {
    Outcome(try await scores(bench.artifacts))
  }

  /// Adds the statistics up, one after the other.
  func scores(_ artifacts: any ArtifactAccess) async throws -> ImportanceScores {
    var reduction = ScoreReduction(layout: layout, taps: taps, estimator: estimator)
    for digest in statistics {
      try reduction.add(try TilePairStatistics(decoding: try await artifacts.data(for: digest)))
    }
    let reference = try KernelReference(decoding: try await artifacts.data(for: reference))
    return try scores(reduction, reference)
  }

  private func scores(
    _ reduction: ScoreReduction, _ reference: KernelReference
  ) throws -> ImportanceScores {
    let scale = ImportanceScale.normalised(beta: beta)
    let dependence = try reduction.dependence(leavingOutFaults: true)
    // With less than two taps there is nothing to compare: then the faults are the answer.
    guard dependence.taps.count > 1 else {
      _ = try reduction.dependence()
      throw tooFew
    }
    return ImportanceScores(
      dependence, scale: scale, confidence: reduction.confidence(scale: scale),
      kernel: reference.kernel,
      bandwidths: Dictionary(zip(taps, reference.bandwidths), uniquingKeysWith: { a, _ in a }))
  }

  private var tooFew: PipelineError {
    PipelineError(.invalidInput, "nHSIC compares two taps or more, and there is \(taps.count)")
  }
}
