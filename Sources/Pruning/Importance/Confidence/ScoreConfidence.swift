import Foundation

/// How far to trust importances measured on N images.
///
/// Blocks of tiles are left out one at a time (the jackknife); no image is run again and no kernel
/// computed twice. Deterministic: there is nothing random in it.
public struct ScoreConfidence: Sendable, Hashable, Codable {
  /// A range that the importance lies in with a probability of 95 %, if images are independent.
  public struct Interval: Sendable, Hashable, Codable {
    public let lower: Double
    public let upper: Double
  }

  /// Whether the order of importances would come out the same on other images.
  public enum Verdict: String, Sendable, Hashable, Codable {
    /// The two halves agree: rank correlation of at least ``ScoreConfidence/stableCorrelation``.
    case stable
    /// They do not: use more images.
    case unstable
    /// There is nothing to compare: too few tiles, taps or images.
    case unknown
  }

  /// What the halves' rank correlation must reach. With half the images each, they agree less than
  /// two sets of N would.
  public static let stableCorrelation = 0.9

  /// G: the blocks of tiles that were left out in turn.
  public let blocks: Int
  /// Per tap; empty where blocks are too few or too small.
  public let intervals: [Interval]
  /// Spearman's correlation between importances of the two halves of the images.
  public let halvesRankCorrelation: Double?
  public let verdict: Verdict

  init(blocks: Int, intervals: [Interval], halvesRankCorrelation: Double?) {
    self.blocks = blocks
    self.intervals = intervals
    self.halvesRankCorrelation = halvesRankCorrelation
    verdict =
      halvesRankCorrelation.map { $0 >= Self.stableCorrelation ? .stable : .unstable } ?? .unknown
  }
}

extension ScoreReduction {
  /// The confidence of importances on a scale, from the statistics alone.
  ///
  /// With θ = ln I and θ_(g) its value without block g of G, the variance of θ is
  /// (G − 1)/G · Σ_g (θ_(g) − mean)², and the interval is I · exp(± t · σ) with t of Student's
  /// distribution of G − 1 degrees of freedom. On the scale of ln I because importances are positive.
  ///
  /// - Precondition: All pairs have been added.
  /// - Complexity: O(G L² N) in memory that the reduction has already.
  ///
  /// Reference: Efron, Stein, Annals of Statistics 9 (1981); the jackknife.
  public func confidence(scale: ImportanceScale = .normalised(beta: 1)) -> ScoreConfidence {
    let blocks = blocks
    let sound = (try? dependence(leavingOutFaults: true))?.taps ?? []
    func redundancy(of chosen: [Int]) -> [Double]? {
      // A part may have too few images, or a tap that varies in the other parts alone.
      guard let part = try? dependence(of: chosen), part.taps == sound, !sound.isEmpty else {
        return nil
      }
      return ImportanceScores(part, scale: scale).redundancy
    }
    let halves = blocks.halves
    let even = redundancy(of: halves.even)
    let odd = redundancy(of: halves.odd)
    let correlation = even.flatMap { even in
      odd.flatMap { sound.count < 3 ? nil : rankCorrelation(even, $0) }
    }
    return ScoreConfidence(
      blocks: blocks.count,
      intervals: intervals(scale: scale, redundancy: redundancy),
      halvesRankCorrelation: correlation)
  }

  private func intervals(
    scale: ImportanceScale, redundancy: ([Int]) -> [Double]?
  ) -> [ScoreConfidence.Interval] {
    let all = blocks.all
    guard all.count > 1, let whole = redundancy(all) else { return [] }
    let parts = all.compactMap { left in redundancy(all.filter { $0 != left }) }
    guard parts.count == all.count else { return [] }
    let logs = parts.map { ImportanceScores.logImportance(redundancy: $0, scale: scale) }
    let count = Double(all.count)
    let t = StudentDistribution.quantile975(degreesOfFreedom: all.count - 1)
    return ImportanceScores.logImportance(redundancy: whole, scale: scale).enumerated().map {
      tap, centre in
      let mean = logs.reduce(0) { $0 + $1[tap] } / count
      let sum = logs.reduce(0) { $0 + ($1[tap] - mean) * ($1[tap] - mean) }
      let half = t * (sum * (count - 1) / count).squareRoot()
      return ScoreConfidence.Interval(lower: exp(centre - half), upper: exp(centre + half))
    }
  }
}

/// Student's t distribution.
enum StudentDistribution {
  /// The 97.5 % quantile: 95 % of the distribution lies within ± it.
  ///
  /// For the few degrees of freedom that blocks leave: `scipy.stats.t.ppf(0.975, 1…15)`.
  static func quantile975(degreesOfFreedom: Int) -> Double {
    precondition(
      (1...table.count).contains(degreesOfFreedom), "\(degreesOfFreedom) degrees of freedom")
    return table[degreesOfFreedom - 1]
  }

  private static let table = [
    12.706204736174694, 4.302652729749462, 3.1824463052837078, 2.7764451051977934,
    2.5705818356363146, 2.4469118511449786, 2.364624251592784, 2.306004135204166,
    2.262157162798205, 2.228138851986274, 2.200985160091639, 2.1788128296672284,
    2.1603686564627913, 2.144786687917804, 2.131449545559776,
  ]
}
