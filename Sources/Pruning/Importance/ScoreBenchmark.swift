import LinearAlgebra
import Parallelism
import Tensors

/// Measures what follows the forward passes: kernels of tiles and sums over pairs of taps.
public enum ScoreBenchmark {
  /// Rates count the multiplications that are needed: N (N + 1) / 2 inner products per tap.
  public struct Figures: Sendable, Codable {
    public var taps: Int
    public var samples: Int
    public var tileSize: Int
    public var threads: Int
    /// GFLOP/s of `sgemm` on its best shape, all threads together.
    public var peak: Double
    /// GFLOP/s of `sgemm` on a tile pair of the widest tap, as it lies in memory.
    public var sgemm: Double
    /// GFLOP/s of the kernels.
    public var kernels: Double
    /// Seconds for all kernels, for laying features out for them alone, which is a part of it, and for
    /// all sums over pairs of taps.
    public var kernelSeconds: Double
    public var layoutSeconds: Double
    public var pairSeconds: Double
    /// kernels / peak.
    public var fractionOfPeak: Double { kernels / peak }
  }

  /// Elements of the outputs of ResNet-56's 55 BatchNormalizations.
  public static let resNet56 =
    Array(repeating: 16_384, count: 19) + Array(repeating: 8_192, count: 18)
    + Array(repeating: 4_096, count: 18)

  /// All tile pairs of N images with synthetic features.
  ///
  /// Peak and kernels take turns, width by width, so that both meet the machine in the same state. It
  /// takes `4 N · max widths` bytes for features and `8 N² · taps` for kernels.
  ///
  /// - Parameter widths: Elements per image and tap.
  /// - Throws: ``ImportanceError``.
  public static func run(
    features widths: [Int] = resNet56, samples: Int = 1000, tileSize: Int = 128, threads: Int = 1
  ) throws -> Figures {
    let layout = TileLayout(samples: samples, tileSize: tileSize)
    let tiles = (0..<layout.tiles).map { layout.range(of: $0).count }
    var figures = Figures(
      taps: widths.count, samples: samples, tileSize: tileSize, threads: threads, peak: 0,
      sgemm: 0, kernels: 0, kernelSeconds: 0, layoutSeconds: 0, pairSeconds: 0)
    let widest = widths.max() ?? 1
    var kernels = TileKernels(
      layout.pairs.map {
        .init($0, first: $0.first, second: $0.isDiagonal ? nil : $0.second)
      }, images: tiles, widest: widest, threads: threads)
    // Of no pairs: features are laid out, and nothing is multiplied.
    var layouts = TileKernels([], images: tiles, widest: widest, threads: threads)
    let names = widths.indices.map { "\($0)" }
    var sums = layout.pairs.map { TilePairSums($0, taps: names) }
    var peaks: [Double] = []
    for width in Set(widths).sorted() {
      let features = try tiles.enumerated().map { seed, images in
        try TileFeatures(
          syntheticFeatures([images, 1, width], seed: seed),
          centre: [Float](repeating: 0.5, count: width))
      }
      for _ in 0..<5 { peaks.append(try peakRate(threads: threads)) }
      // As in a pass, where one tap follows another: caches are not sgemm's any more.
      _ = try kernels.kernels(of: features, tap: "", bandwidth: nil)
      for tap in names.indices where widths[tap] == width {
        let start = ContinuousClock.now
        let made = try kernels.kernels(of: features, tap: names[tap], bandwidth: nil)
        figures.kernelSeconds += (ContinuousClock.now - start) / .seconds(1)
        for (place, kernel) in made.enumerated() { sums[place].add(kernel, at: tap) }
        let restart = ContinuousClock.now
        _ = try layouts.kernels(of: features, tap: names[tap], bandwidth: nil)
        figures.layoutSeconds += (ContinuousClock.now - restart) / .seconds(1)
      }
    }
    let start = ContinuousClock.now
    _ = try parallelMap(count: sums.count, threads: threads) { [sums] in try sums[$0].statistics() }
    figures.pairSeconds = (ContinuousClock.now - start) / .seconds(1)
    figures.peak = peaks.sorted()[peaks.count / 2]
    figures.sgemm = sgemmRate(tileSize: tileSize, features: widths.max() ?? 1)
    let products = Double(samples) * Double(samples + 1) * Double(widths.reduce(0, +))
    figures.kernels = products / figures.kernelSeconds / 1e9
    return figures
  }

  /// 2 · 1536³ operations on every thread at once.
  private static func peakRate(threads: Int) throws -> Double {
    let order = 1536
    let matrices = (0..<threads).map { syntheticFeatures([order, order], seed: $0).elements }
    let start = ContinuousClock.now
    try parallelFor(count: threads, threads: threads) { thread in
      var product = [Float](repeating: 0, count: order * order)
      FloatProducts.add(
        rows: matrices[thread], times: matrices[thread], inner: order, stride: order, m: order,
        n: order, into: &product)
    }
    let seconds = (ContinuousClock.now - start) / .seconds(1)
    return Double(threads) * 2 * Double(order * order * order) / seconds / 1e9
  }

  private static func sgemmRate(tileSize: Int, features: Int) -> Double {
    let x = syntheticFeatures([tileSize, features], seed: 1).elements
    let y = syntheticFeatures([tileSize, features], seed: 2).elements
    var product = [Float](repeating: 0, count: tileSize * tileSize)
    var best = Double.infinity
    for _ in 0..<5 {
      let start = ContinuousClock.now
      FloatProducts.add(
        rows: x, times: y, inner: features, stride: features, m: tileSize, n: tileSize,
        into: &product)
      best = min(best, (ContinuousClock.now - start) / .seconds(1))
    }
    return 2 * Double(tileSize * tileSize * features) / best / 1e9
  }

  /// Numbers spread over 0…1: multiples of the golden ratio need no generator.
  private static func syntheticFeatures(_ shape: [Int], seed: Int) -> Tensor {
    let count = shape.elementCount
    return Tensor(
      shape: shape,
      elements: (0..<count).map { place in
        let turns = Double(place + seed * count) * 0.618_033_988_749_895
        return Float(turns - turns.rounded(.down))
      })
  }
}

extension ScoreBenchmark.Figures {
  /// What several runs of the same work took on average.
  ///
  /// - Precondition: There is one at least.
  public init(meanOf runs: [Self]) {
    self = runs[0]
    func mean(_ value: (Self) -> Double) -> Double {
      runs.reduce(0) { $0 + value($1) } / Double(runs.count)
    }
    peak = mean(\.peak)
    sgemm = mean(\.sgemm)
    kernelSeconds = mean(\.kernelSeconds)
    layoutSeconds = mean(\.layoutSeconds)
    pairSeconds = mean(\.pairSeconds)
    kernels = runs[0].kernels * runs[0].kernelSeconds / kernelSeconds
  }
}
