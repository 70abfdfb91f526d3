import LinearAlgebra

/// The sums that HSIC of one set of images is made of.
struct HSICSums {
  /// N.
  var samples: Int
  /// P, both triangles, `[L, L]`.
  var products: Matrix
  /// r_l, `[L, N]`.
  var rowSums: Matrix
  /// δ_l, `[L, N]`.
  var diagonals: Matrix

  /// HSIC between every two taps, `[L, L]`, symmetric bit for bit.
  ///
  ///     HSIC_b · (N−1)² = P_ij − (2/N) r_i·r_j + S_i S_j / N²                  S = Σ r
  ///     HSIC_u · N(N−3) = P°_ij + S°_i S°_j/((N−1)(N−2)) − (2/(N−2)) r°_i·r°_j
  ///
  /// where ° leaves the diagonal out: P° = P − δδᵀ, r° = r − δ, S° = Σ r°.
  ///
  /// - Precondition: There are as many samples as the estimator needs.
  func values(_ estimator: HSICEstimator) -> Matrix {
    precondition(samples >= estimator.minimumSamples, "\(samples) samples, \(estimator)")
    let n = Double(samples)
    if estimator == .biased {
      return combine(
        products, rowSums, dotWeight: -2 / n, sumWeight: 1 / (n * n), divisor: (n - 1) * (n - 1))
    }
    var products = products
    let inner = Self.inner(diagonals)
    for index in products.elements.indices { products.elements[index] -= inner.elements[index] }
    var sums = rowSums
    for index in sums.elements.indices { sums.elements[index] -= diagonals.elements[index] }
    return combine(
      products, sums, dotWeight: -2 / (n - 2), sumWeight: 1 / ((n - 1) * (n - 2)),
      divisor: n * (n - 3))
  }

  /// (P_ij + dotWeight · r_i·r_j + sumWeight · S_i S_j) / divisor.
  private func combine(
    _ products: Matrix, _ rowSums: Matrix, dotWeight: Double, sumWeight: Double, divisor: Double
  ) -> Matrix {
    let columns = rowSums.columns
    let totals = (0..<rowSums.rows).map {
      rowSums.elements[$0 * columns..<($0 + 1) * columns].reduce(0, +)
    }
    let inner = Self.inner(rowSums)
    var result = products
    for i in totals.indices {
      for j in i..<totals.count {
        // In parentheses, so that exchanging i and j changes no bit.
        let sum = products[i, j] + dotWeight * inner[i, j] + sumWeight * (totals[i] * totals[j])
        result[i, j] = sum / divisor
      }
    }
    result.mirrorUpperTriangle()
    return result
  }

  /// Inner products of the rows, in a fixed order of sums.
  private static func inner(_ rows: Matrix) -> Matrix {
    var sliced = SlicedMatrix<Double>(rows: rows.rows, columns: rows.columns)
    sliced.append(rows.elements)
    return sliced.gram
  }

  /// An upper triangle by rows as a matrix with both triangles.
  static func full(_ triangle: [Double], order: Int) -> Matrix {
    var full = Matrix(rows: order, columns: order)
    var position = 0
    for i in 0..<order {
      for j in i..<order {
        full[i, j] = triangle[position]
        full[j, i] = triangle[position]
        position += 1
      }
    }
    return full
  }
}
