import Digests
import Execution
import Foundation
import Importance
import NetworkGraph
import Tensors

/// One block of the kernel matrices of all taps: two tiles of calibration images.
struct TilePairScores: JobComputation {
  static let stage = Stage.scores
  static let kind = "tile-pair-1"

  var model: Digest
  /// Names of the tapped values.
  var taps: [String]
  var pair: TilePair
  /// Shards of images: tile s, tile t (nil on the diagonal) and tile 0, whose means are the centre.
  var first: Digest
  var second: Digest?
  var origin: Digest
  var microBatch: Int

  func compute(on bench: Workbench) async throws -> Outcome<NoSummary> {
    let model = try await bench.model(model)
    let values = try model.values(named: taps)
    func features(_ shard: Digest) async throws -> [Tensor] {
      try await bench.features(of: model, at: values, shard: shard, microBatch: microBatch)
    }
    let names = Digest(parts: taps)
    let centre = "centre/\(model.digest)/\(names)/\(origin)/\(microBatch)"
    let centres = try await bench.cache.value(for: centre) {
      let means = TilePairStatistics.channelMeans(of: try await features(origin))
      return (means, means.reduce(0) { $0 + 4 * $1.count })
    }
    let first = try await features(first)
    var second: [Tensor]?
    if let shard = self.second { second = try await features(shard) }
    let statistics = try await bench.compute { [second] in
      try TilePairStatistics.compute(
        pair: pair, taps: taps, first: first, second: second, centres: centres,
        threads: bench.threads)
    }
    return Outcome(NoSummary(), artifacts: [try await bench.artifacts.store(statistics.encoded())])
  }
}

/// The sum over all tile pairs: the nHSIC matrix and the importances.
struct ScoreSum: JobComputation {
  static let stage = Stage.scores
  static let kind = "score-sum-1"

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
    return Outcome(
      ImportanceScores(try reduction.dependence(.biased), scale: .normalised(beta: beta)))
  }
}
