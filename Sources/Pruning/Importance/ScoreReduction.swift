import LinearAlgebra

/// Adds the statistics of all tile pairs up to HSIC.
///
/// Results are added strictly in the order of ``TileLayout/pairs``, whatever order they were
/// computed in: floating-point addition is not associative, and the scores must be the same bits
/// for any number of workers.
public struct ScoreReduction: Sendable {
  public let layout: TileLayout
  public let taps: [String]
  /// The pair to add next; nil when all have been added.
  public var next: TilePair? { remaining.last }

  private var remaining: [TilePair]
  /// P, upper triangle by rows.
  private var products: [Double]
  /// r_l, `[L, N]`.
  private var rowSums: Matrix
  /// δ_l, `[L, N]`.
  private var diagonals: Matrix

  public init(layout: TileLayout, taps: [String]) {
    precondition(!taps.isEmpty, "no taps to reduce")
    self.layout = layout
    self.taps = taps
    remaining = layout.pairs.reversed()
    products = Array(repeating: 0, count: taps.count * (taps.count + 1) / 2)
    rowSums = Matrix(rows: taps.count, columns: layout.samples)
    diagonals = rowSums
  }

  /// Adds the next pair.
  ///
  /// - Precondition: `statistics.pair` is ``next``.
  /// - Throws: ``ImportanceError`` with `shapeMismatch` for other taps or tile sizes.
  public mutating func add(_ statistics: TilePairStatistics) throws {
    let pair = statistics.pair
    precondition(
      pair == next, "tiles \(pair) added when it is the turn of \(String(describing: next))")
    let (rows, columns) = (layout.range(of: pair.first), layout.range(of: pair.second))
    guard statistics.taps == taps, statistics.rowSums.columns == rows.count,
      statistics.columnSums.columns == (pair.isDiagonal ? 0 : columns.count)
    else {
      throw ImportanceError(
        .shapeMismatch,
        """
        statistics of tiles \(pair) are of \(statistics.taps.count) taps and \
        \(statistics.rowSums.columns) × \(statistics.columnSums.columns) samples, not of \
        \(taps.count) taps and \(rows.count) × \(columns.count)
        """)
    }
    for index in products.indices { products[index] += statistics.products[index] }
    Self.add(statistics.rowSums, to: &rowSums, at: rows.lowerBound)
    Self.add(statistics.columnSums, to: &rowSums, at: columns.lowerBound)
    Self.add(statistics.diagonals, to: &diagonals, at: rows.lowerBound)
    remaining.removeLast()
  }

  private static func add(_ part: Matrix, to whole: inout Matrix, at offset: Int) {
    for i in 0..<part.rows {
      for j in 0..<part.columns { whole[i, offset + j] += part[i, j] }
    }
  }

  /// HSIC between every two taps.
  ///
  ///     HSIC_b · (N−1)² = P_ij − (2/N) r_i·r_j + S_i S_j / N²                  S = Σ r
  ///     HSIC_u · N(N−3) = P°_ij + S°_i S°_j/((N−1)(N−2)) − (2/(N−2)) r°_i·r°_j
  ///
  /// where ° leaves the diagonal out: P° = P − δδᵀ, r° = r − δ, S° = Σ r°.
  ///
  /// - Precondition: All pairs have been added.
  /// - Throws: ``ImportanceError`` with `degenerateFeatures`, naming a tap that does not vary, or
  ///   with `tooFewSamples` (biased: N < 2, unbiased: N < 4).
  public func dependence(_ estimator: HSICEstimator = .biased) throws -> DependenceMatrix {
    precondition(remaining.isEmpty, "\(remaining.count) tile pairs are missing")
    let samples = layout.samples
    guard samples >= (estimator == .biased ? 2 : 4) else {
      throw ImportanceError(
        .tooFewSamples, "\(samples) samples are too few for the \(estimator) estimator of HSIC")
    }
    let values = estimator == .biased ? biased() : unbiased()
    let squares = fullProducts.diagonal
    for (index, tap) in taps.enumerated() {
      // Kernels are rounded to 2⁻²⁴: below its square (with room for sums) variation is rounding.
      let scale = squares[index] / (Double(samples) * Double(samples))
      guard values[index, index] > 1e-12 * scale else {
        throw ImportanceError(
          .degenerateFeatures,
          """
          tap '\(tap)' does not vary over the \(samples) samples: it has no dependence to \
          measure; leave it out or check the model
          """)
      }
    }
    return DependenceMatrix(
      taps: taps, estimator: estimator, samples: samples, values: values)
  }

  /// P with both triangles.
  private var fullProducts: Matrix {
    var full = Matrix(rows: taps.count, columns: taps.count)
    var position = 0
    for i in taps.indices {
      for j in i..<taps.count {
        full[i, j] = products[position]
        full[j, i] = products[position]
        position += 1
      }
    }
    return full
  }

  private func biased() -> Matrix {
    let n = Double(layout.samples)
    return combine(
      products: fullProducts, rowSums: rowSums, dotWeight: -2 / n, sumWeight: 1 / (n * n),
      divisor: (n - 1) * (n - 1))
  }

  private func unbiased() -> Matrix {
    let n = Double(layout.samples)
    var products = fullProducts
    let inner = Self.inner(diagonals)
    for index in products.elements.indices { products.elements[index] -= inner.elements[index] }
    var sums = rowSums
    for index in sums.elements.indices { sums.elements[index] -= diagonals.elements[index] }
    return combine(
      products: products, rowSums: sums, dotWeight: -2 / (n - 2),
      sumWeight: 1 / ((n - 1) * (n - 2)), divisor: n * (n - 3))
  }

  /// (P_ij + dotWeight · r_i·r_j + sumWeight · S_i S_j) / divisor.
  private func combine(
    products: Matrix, rowSums: Matrix, dotWeight: Double, sumWeight: Double, divisor: Double
  ) -> Matrix {
    let totals = taps.indices.map { tap in
      rowSums.elements[tap * rowSums.columns..<(tap + 1) * rowSums.columns].reduce(0, +)
    }
    let inner = Self.inner(rowSums)
    var result = products
    for i in taps.indices {
      for j in taps.indices {
        let sum = products[i, j] + dotWeight * inner[i, j] + sumWeight * totals[i] * totals[j]
        result[i, j] = sum / divisor
      }
    }
    return result
  }

  private static func inner(_ rows: Matrix) -> Matrix {
    var result = Matrix(rows: rows.rows, columns: rows.rows)
    result.addUpperGram(of: rows, .rows)
    result.mirrorUpperTriangle()
    return result
  }
}
