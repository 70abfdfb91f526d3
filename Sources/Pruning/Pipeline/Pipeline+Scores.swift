import Importance
import NetworkGraph

extension Pipeline {
  /// Images whose mean is the centre of the linear kernel: any centre gives the same HSIC, and a
  /// near one loses no bits. Few, because one worker measures them while the others wait.
  static let centredImages = 4

  /// The nHSIC matrix, from the pairs of tiles that the estimator needs.
  func scores(_ inquiry: inout Inquiry) throws -> ImportanceScores? {
    let reference = try inquiry.outcome(
      of: KernelMeasurement(
        model: model.digest, taps: taps, kernel: recipe.kernel, origin: calibration.shards[0],
        centred: recipe.kernel == .rbf ? calibration.images(inShard: 0) : Self.centredImages,
        microBatch: recipe.microBatch),
      label: "kernel", weight: kernelWork)
    guard let reference = reference?.artifacts.first else { return nil }
    let layout = TileLayout(samples: calibration.count, tileSize: calibration.shardSize)
    let features = try featuresPerImage()
    var statistics: [TilePair: Outcome<NoSummary>] = [:]
    let pairs = tilePairs
    for pair in pairs.inOrderOfWork {
      statistics[pair] = try inquiry.outcome(
        of: TilePairScores(
          model: model.digest, taps: taps, pair: pair, first: calibration.shards[pair.first],
          second: pair.isDiagonal ? nil : calibration.shards[pair.second],
          firstImages: calibration.images(inShard: pair.first),
          secondImages: pair.isDiagonal ? nil : calibration.images(inShard: pair.second),
          reference: reference,
          microBatch: recipe.microBatch),
        label: "tiles \(pair)", weight: pairWork(pair, features: features))
    }
    guard let done = pairs.map({ statistics[$0] }).whole() else { return nil }
    return try inquiry.outcome(
      of: ScoreSum(
        taps: taps, layout: layout, estimator: recipe.estimator, reference: reference,
        statistics: done.flatMap(\.artifacts), beta: recipe.beta),
      label: "nHSIC", weight: 0, isReduction: true)?.summary
  }
}

extension [TilePair] {
  /// The pairs in an order in which neighbours share tiles: along a Z-curve through the matrix of
  /// pairs. So a portion of them, however large, is of few tiles.
  var inOrderOfWork: [TilePair] {
    func interleaved(_ pair: TilePair) -> UInt64 {
      var code: UInt64 = 0
      for bit in 0..<32 {
        code |= UInt64(pair.second >> bit & 1) << UInt64(2 * bit)
        code |= UInt64(pair.first >> bit & 1) << UInt64(2 * bit + 1)
      }
      return code
    }
    return map { ($0, interleaved($0)) }.sorted { $0.1 < $1.1 }.map(\.0)
  }
}
