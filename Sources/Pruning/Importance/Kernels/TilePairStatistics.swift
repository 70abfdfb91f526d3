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
  /// Kernels are single-precision products in a fixed order of sums, one thread each; what is summed
  /// from them is in `Double` and in a fixed order. So for the linear kernel the result is the same
  /// bits for any number of threads and on any machine; the RBF kernel's depends on the C library's
  /// `exp` besides.
  ///
  /// - Parameters:
  ///   - pair: Which tiles these are.
  ///   - taps: Names, for errors and for the scores.
  ///   - first: Features of tile s, per tap, less the centres of `reference`.
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
    try checkShapes(pair: pair, taps: taps, first: first, second: second, reference: reference)
    let kernels = try parallelMap(count: taps.count, threads: threads) { tap in
      defer {
        first[tap].forget()
        second?[tap].forget()
      }
      return TileKernel(
        first[tap], second?[tap],
        bandwidth: reference.kernel == .rbf ? reference.bandwidths[tap] : nil)
    }
    let faults = taps.indices.filter { !kernels[$0].isFinite }.map { tap in
      TapFault(
        first: first[tap], second: second?[tap], tap: taps[tap], tile: pair.first,
        secondTile: pair.second)
    }
    guard faults.isEmpty else { throw ImportanceError.nonFinite(faults) }
    let empty = Matrix(rows: taps.count, columns: 0)
    return TilePairStatistics(
      pair: pair, taps: taps,
      products: TileKernel.products(kernels, weight: pair.isDiagonal ? 1 : 2),
      rowSums: stacked(kernels.map(\.rowSums)),
      columnSums: pair.isDiagonal ? empty : stacked(kernels.map(\.columnSums)),
      diagonals: pair.isDiagonal ? stacked(kernels.map(\.values.diagonal)) : empty,
      deadTaps: taps.indices.filter {
        pair.isDiagonal && kernels[$0].isConstant && first[$0].areZero
      })
  }

  /// The mean of every channel (axis 1) over samples and space: a good centre for all tiles.
  ///
  /// - Parameter features: One tensor `[m, C, …]` per tap, usually of tile 0.
  public static func channelMeans(of features: [Tensor]) -> [[Float]] {
    features.map { ChannelMeans($0).values }
  }

  private static func stacked(_ rows: [[Double]]) -> Matrix {
    Matrix(rows: rows.count, columns: rows.first?.count ?? 0, elements: rows.flatMap(\.self))
  }

  private static func checkShapes(
    pair: TilePair, taps: [String], first: [TileFeatures], second: [TileFeatures]?,
    reference: KernelReference
  ) throws {
    guard !taps.isEmpty, first.count == taps.count, reference.centres.count == taps.count,
      (second == nil) == pair.isDiagonal, (second ?? first).count == taps.count
    else {
      throw ImportanceError(
        .shapeMismatch,
        """
        tiles \(pair): features of \(first.count) and \(second?.count ?? 0) taps and \
        \(reference.centres.count) centres for \(taps.count) taps
        """)
    }
    let others = second ?? first
    for (index, tap) in taps.enumerated() {
      let (x, y) = (first[index], others[index])
      guard x.isWhole, y.isWhole, x.images == first[0].images, y.images == others[0].images,
        x.shape == y.shape, x.centre == reference.centres[index], y.centre == x.centre
      else {
        throw ImportanceError(
          .shapeMismatch,
          """
          tap '\(tap)' in tiles \(pair): features of \(x.images) and \(y.images) images of shapes \
          \(x.shape) and \(y.shape), incomplete, or less another centre than the reference's
          """)
      }
    }
  }
}
