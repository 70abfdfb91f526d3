import LinearAlgebra
import Parallelism
import Tensors

/// What one block of the kernel matrices of all taps contributes to HSIC.
///
/// With K_l the `[m_s, m_t]` kernel between the centred features of tiles s ≤ t at tap l,
///
///     P_ij = w Σ_ab K_i[a,b] K_j[a,b]     w = 1 if s = t, else 2
///
/// and the row sums, column sums (s ≠ t) and diagonal (s = t) of every K_l. These few numbers are
/// additive over blocks; the kernel matrix itself is neither kept nor sent.
///
/// Reference: Gretton et al., ALT 2005; Song et al., JMLR 2012 (the unbiased estimator's sums).
public struct TilePairStatistics: Sendable, Hashable {
  public let pair: TilePair
  /// Names of the taps, L of them.
  public let taps: [String]
  /// P, upper triangle by rows: L (L + 1) / 2 numbers.
  public let products: [Double]
  /// Sums of K_l's rows, `[L, m_s]`.
  public let rowSums: Matrix
  /// Sums of K_l's columns, `[L, m_t]`; no columns on the diagonal, where they are the row sums.
  public let columnSums: Matrix
  /// Diagonals of K_l, `[L, m_s]`; no columns off the diagonal.
  public let diagonals: Matrix
  /// Indices of taps whose features are all zero in this tile; none off the diagonal.
  public let deadTaps: [Int]

  /// Computes the statistics of a pair of tiles.
  ///
  /// - Parameters:
  ///   - pair: Which tiles these are.
  ///   - taps: Names, for errors and for the scores.
  ///   - first: Features of tile s, per tap, with the centres of `reference`.
  ///   - second: Features of tile t; nil on the diagonal.
  ///   - reference: The kernel; every pair must use the same.
  ///   - threads: How many taps to work on at a time.
  /// - Throws: ``ImportanceError`` with `nonFiniteActivations`, naming all taps concerned, or
  ///   `shapeMismatch`.
  /// - Complexity: O(m_s m_t Σ d_l + L² m_s m_t), half of it on the diagonal.
  public static func compute(
    pair: TilePair, taps: [String], first: [TileFeatures], second: [TileFeatures]?,
    reference: KernelReference, threads: Int
  ) throws -> TilePairStatistics {
    guard !taps.isEmpty, first.count == taps.count, second?.count ?? taps.count == taps.count,
      (second == nil) == pair.isDiagonal, reference.centres.count == taps.count,
      taps.indices.allSatisfy({ first[$0].images == first[0].images }),
      taps.indices.allSatisfy({ first[$0].centre == reference.centres[$0] }),
      second?.allSatisfy({ $0.images == second?[0].images }) ?? true
    else {
      throw ImportanceError(
        .shapeMismatch,
        """
        tiles \(pair): features of \(first.count) and \(second?.count ?? first.count) taps, of \
        several numbers of images or with other centres than those of the reference's \
        \(reference.centres.count) taps, for \(taps.count) taps
        """)
    }
    let kernels = try parallelMap(count: taps.count, threads: threads) { tap in
      let tiles = [first[tap]] + (second.map { [$0[tap]] } ?? [])
      var kernels = TileKernels(
        [.init(pair, first: 0, second: second == nil ? nil : 1)], images: tiles.map(\.images),
        widest: tiles[0].shape.elementCount, threads: 1)
      return try kernels.kernels(
        of: tiles, tap: taps[tap], bandwidth: reference.bandwidth(of: tap))[0]
    }
    var sums = TilePairSums(pair, taps: taps)
    for (tap, kernel) in kernels.enumerated() { sums.add(kernel, at: tap) }
    return try sums.statistics()
  }

  /// The mean of every channel (axis 1) over samples and space: a good centre for all tiles.
  ///
  /// - Parameter features: One tensor `[m, C, …]` per tap, usually of tile 0.
  public static func channelMeans(of features: [Tensor]) -> [[Float]] {
    features.map { ChannelMeans($0).values }
  }
}
