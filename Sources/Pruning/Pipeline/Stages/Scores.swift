import Datasets
import Digests
import Execution
import Foundation
import Importance
import NetworkGraph

/// What tile 0 fixes for all tiles: centres, and the bandwidths of the RBF kernel.
struct KernelMeasurement: JobComputation {
  static let stage = Stage.scores
  static let kind = "kernel-reference-1"

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
    try ScoreFootprint(
      of: model.network, taps: values, images: images.count, microBatch: microBatch,
      threads: bench.threads
    ).check(limit: bench.cache.limit, tiles: 1)
    let parts = try await bench.compute { [microBatch] in
      try bench.runner.batches(
        of: model.network, on: images.shard(0..<min(centred, images.count)), taps: values,
        microBatch: microBatch
      ) { $1.map { ChannelMeans($0) } }
    }
    let means = taps.indices.map { tap in
      parts.dropFirst().reduce(into: parts[0][tap]) { $0.add($1[tap]) }
    }
    var reference = try KernelReference(taps: taps, means: means)
    if kernel == .rbf {
      let tiles = TileSource(
        model: model, taps: values, centres: reference.centres, microBatch: microBatch,
        bench: bench)
      let tile = try await tiles.tile(ImageTile(shard: origin, images: images.count), beside: [])
      reference = try await bench.compute { [taps, linear = reference] in
        try linear.rbf(taps: taps, origin: tile, threads: bench.threads)
      }
    }
    return Outcome(
      Summary(kernel: kernel, bandwidths: reference.bandwidths),
      artifacts: [try await bench.artifacts.put(reference.encoded())])
  }
}

/// One block of the kernel matrices of all taps: two tiles of calibration images.
struct TilePairScores: JobComputation {
  static let stage = Stage.scores
  static let kind = "tile-pair-4"

  var model: Digest
  /// Names of the tapped values.
  var taps: [String]
  var pair: TilePair
  /// Shards of images: tile s, and tile t (nil on the diagonal).
  var first: Digest
  var second: Digest?
  /// Images in them: so whoever borrows a tile need not fetch what it was made of.
  var firstImages: Int
  var secondImages: Int?
  /// Artifact of ``KernelMeasurement``.
  var reference: Digest
  var microBatch: Int

  var shards: [Digest] { [first] + (second.map { [$0] } ?? []) }

  func compute(on bench: Workbench) async throws -> Outcome<NoSummary> {
    let model = try await bench.model(model)
    let reference = try await bench.cache.value(for: "reference/\(reference)") {
      let data = try await bench.artifacts.data(for: self.reference)
      return (try KernelReference(decoding: data), data.count)
    }
    let tiles = TileSource(
      model: model, taps: try model.values(named: taps), centres: reference.centres,
      microBatch: microBatch, bench: bench)
    let (first, second) = try await tiles.pair(
      ImageTile(shard: first, images: firstImages),
      second.map { ImageTile(shard: $0, images: secondImages ?? firstImages) })
    let statistics = try await bench.compute {
      try TilePairStatistics.compute(
        pair: pair, taps: taps, first: first, second: second, reference: reference,
        threads: bench.threads)
    }
    return Outcome(NoSummary(), artifacts: [try await bench.artifacts.put(statistics.encoded())])
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
