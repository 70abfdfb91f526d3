import LinearAlgebra
import Parallelism
import Tensors

/// What one block of the kernel matrices of all taps contributes to HSIC.
///
/// With K_l the `[m_s, m_t]` linear kernel between the centred features of tiles s ≤ t at tap l,
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

  /// Computes the statistics of a pair of tiles.
  ///
  /// Kernels are single-precision products, one thread each; everything summed from them is in
  /// `Double` and in a fixed order, so the result is the same bits for any number of threads.
  ///
  /// - Parameters:
  ///   - pair: Which tiles these are.
  ///   - taps: Names, for errors and for the scores.
  ///   - first: Features of tile s, one tensor `[m_s, …]` per tap.
  ///   - second: Features of tile t, `[m_t, …]`; nil on the diagonal.
  ///   - centres: Per tap what is subtracted from the features before the product: nothing, one
  ///     number per channel (axis 1), or one per feature. HSIC does not depend on it, cancellation
  ///     does; every pair must use the same. See ``channelMeans(of:)``.
  ///   - threads: How many taps to work on at a time.
  /// - Throws: ``ImportanceError`` with `nonFiniteActivations` or `shapeMismatch`, naming the tap.
  /// - Complexity: O(m_s m_t Σ d_l + L² m_s m_t), half of it on the diagonal.
  public static func compute(
    pair: TilePair, taps: [String], first: [Tensor], second: [Tensor]?, centres: [[Float]],
    threads: Int
  ) throws -> TilePairStatistics {
    try checkShapes(pair: pair, taps: taps, first: first, second: second, centres: centres)
    let kernels = try parallelMap(count: taps.count, threads: threads) { tap in
      let kernel = TileKernel(
        first: first[tap], second: second?[tap], centre: centres[tap])
      guard kernel.isFinite else {
        throw ImportanceError(
          .nonFiniteActivations,
          """
          activations of tap '\(taps[tap])' in tiles \(pair) are not finite or overflow; \
          check the model and the scaling of its input
          """)
      }
      return kernel
    }
    let empty = Matrix(rows: taps.count, columns: 0)
    return TilePairStatistics(
      pair: pair, taps: taps,
      products: TileKernel.products(kernels, weight: pair.isDiagonal ? 1 : 2),
      rowSums: stacked(kernels.map(\.rowSums)),
      columnSums: pair.isDiagonal ? empty : stacked(kernels.map(\.columnSums)),
      diagonals: pair.isDiagonal ? stacked(kernels.map(\.diagonal)) : empty)
  }

  /// The mean of every channel (axis 1) over samples and space: a good centre for all tiles.
  ///
  /// - Parameter features: One tensor `[m, C, …]` per tap, usually of tile 0.
  public static func channelMeans(of features: [Tensor]) -> [[Float]] {
    features.map { tensor in
      let (samples, channels) = (tensor.shape[0], tensor.rank > 1 ? tensor.shape[1] : 1)
      let area = tensor.count / max(samples * channels, 1)
      var sums = [Double](repeating: 0, count: channels)
      for (block, start) in stride(from: 0, to: tensor.count, by: max(area, 1)).enumerated() {
        for element in tensor.elements[start..<start + area] {
          sums[block % channels] += Double(element)
        }
      }
      return sums.map { Float($0 / Double(samples * area)) }
    }
  }

  private static func stacked(_ rows: [[Double]]) -> Matrix {
    Matrix(rows: rows.count, columns: rows.first?.count ?? 0, elements: rows.flatMap(\.self))
  }

  private static func checkShapes(
    pair: TilePair, taps: [String], first: [Tensor], second: [Tensor]?, centres: [[Float]]
  ) throws {
    guard !taps.isEmpty, first.count == taps.count, centres.count == taps.count,
      (second == nil) == pair.isDiagonal, (second ?? first).count == taps.count
    else {
      throw ImportanceError(
        .shapeMismatch,
        """
        tiles \(pair): \(first.count) and \(second?.count ?? 0) feature tensors and \
        \(centres.count) centres for \(taps.count) taps
        """)
    }
    for (index, tap) in taps.enumerated() {
      let (x, y) = (first[index], second?[index] ?? first[index])
      let samples = (first[0].shape.first, (second?[0] ?? first[0]).shape.first)
      let features = x.count / max(x.shape.first ?? 0, 1)
      let centre = centres[index].count
      guard x.rank > 0, x.count > 0, y.count > 0, samples == (x.shape.first, y.shape.first),
        x.shape.dropFirst() == y.shape.dropFirst(),
        centre == 0 || centre == features || (x.rank > 1 && centre == x.shape[1])
      else {
        throw ImportanceError(
          .shapeMismatch,
          """
          tap '\(tap)' in tiles \(pair): features of shapes \(x.shape) and \(y.shape) with a \
          centre of \(centre) numbers
          """)
      }
    }
  }
}
