import Digests
import Execution
import Foundation
import Importance
import NetworkGraph

/// One block of the kernel matrices of all taps: two tiles of calibration images.
struct TilePairScores: JobComputation {
  static let stage = Stage.scores
  static let kind = "tile-pair-2"

  var model: Digest
  /// Names of the tapped values.
  var taps: [String]
  var pair: TilePair
  /// Shards of images: tile s, tile t (nil on the diagonal) and tile 0, which fixes the kernel.
  var first: Digest
  var second: Digest?
  var origin: Digest
  var microBatch: Int

  func compute(on bench: Workbench) async throws -> Outcome<NoSummary> {
    let model = try await bench.model(model)
    let reference = try await reference(model, on: bench)
    let first = try await tile(first, of: model, reference: reference, on: bench)
    var second: [TileFeatures]?
    if let shard = self.second {
      second = try await tile(shard, of: model, reference: reference, on: bench)
    }
    let statistics = try await bench.compute { [second] in
      try TilePairStatistics.compute(
        pair: pair, taps: taps, first: first, second: second, reference: reference,
        threads: bench.threads)
    }
    return Outcome(NoSummary(), artifacts: [try await bench.artifacts.store(statistics.encoded())])
  }

  /// What belongs to the same kernels has the same key.
  private var key: String { "\(model)/\(Digest(parts: taps))/\(origin)/\(microBatch)" }

  private func reference(
    _ model: PreparedModel, on bench: Workbench
  ) async throws -> KernelReference {
    try await bench.cache.value(for: "reference/\(key)") {
      let images = try await bench.shard(origin)
      let values = try model.values(named: taps)
      let reference = try await bench.compute {
        let features = try bench.runner.run(
          model.network, on: images, taps: values, microBatch: microBatch)
        return try KernelReference.measure(
          .linear, taps: taps, origin: features, threads: bench.threads)
      }
      return (reference, reference.centres.reduce(0) { $0 + 4 * $1.count })
    }
  }

  /// The features of a shard, ready for products; kept as long as the cache has room.
  private func tile(
    _ shard: Digest, of model: PreparedModel, reference: KernelReference, on bench: Workbench
  ) async throws -> [TileFeatures] {
    try await bench.cache.value(for: "tile/\(key)/\(shard)") {
      let images = try await bench.shard(shard)
      let values = try model.values(named: taps)
      let tile = try await bench.compute {
        let features = try bench.runner.run(
          model.network, on: images, taps: values, microBatch: microBatch)
        return try zip(features, reference.centres).map(TileFeatures.init)
      }
      return (tile, tile.reduce(0) { $0 + $1.byteCount })
    }
  }
}

/// The sum over all tile pairs: the nHSIC matrix and the importances.
struct ScoreSum: JobComputation {
  static let stage = Stage.scores
  static let kind = "score-sum-2"

  var taps: [String]
  var layout: TileLayout
  /// Statistics of `layout.pairs`, in that order.
  var statistics: [Digest]
  var beta: Double

  func compute(on bench: Workbench) async throws -> Outcome<ImportanceScores> {
    var reduction = ScoreReduction(layout: layout, taps: taps)
    for digest in statistics {
      let data = try await bench.artifacts.data(for: digest)
      try reduction.add(try TilePairStatistics(decoding: data))
    }
    let scale = ImportanceScale.normalised(beta: beta)
    return Outcome(
      ImportanceScores(
        try reduction.dependence(), scale: scale, confidence: reduction.confidence(scale: scale)))
  }
}
