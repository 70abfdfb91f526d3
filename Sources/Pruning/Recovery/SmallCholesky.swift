import LinearAlgebra

/// The factor L of a matrix of a few rows: the block that one channel owns in H⁻¹.
///
/// LAPACK's overhead would exceed the work.
struct SmallCholesky {
  private let order: Int
  /// L by rows; only the lower triangle is meaningful.
  private let factor: [Double]

  /// Nil unless the matrix (upper triangle read) is positive definite.
  init?(_ matrix: [Double], order: Int) {
    var l = matrix
    for j in 0..<order {
      for i in j..<order {
        var sum = matrix[j * order + i]
        for k in 0..<j { sum -= l[i * order + k] * l[j * order + k] }
        if i == j {
          guard sum > 0, sum.isFinite else { return nil }
          l[j * order + j] = sum.squareRoot()
        } else {
          l[i * order + j] = sum / l[j * order + j]
        }
      }
    }
    self.order = order
    factor = l
  }

  /// L⁻¹ B, for B `[order, n]`.
  func forwardSubstituted(_ b: Matrix) -> Matrix {
    var result = b
    let n = b.columns
    result.elements.withUnsafeMutableBufferPointer { x in
      for i in 0..<order {
        for k in 0..<i {
          let weight = factor[i * order + k]
          for column in 0..<n { x[i * n + column] -= weight * x[k * n + column] }
        }
        let scale = 1 / factor[i * order + i]
        for column in 0..<n { x[i * n + column] *= scale }
      }
    }
    return result
  }
}
