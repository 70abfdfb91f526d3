import COpenBLAS

/// The Cholesky factorisation A = L Lᵀ of a symmetric positive definite matrix.
public struct CholeskyFactorization: Sendable {
  /// The order of the matrix.
  public let order: Int
  /// L in the upper triangle, transposed: LAPACK's lower triangle by columns.
  private let factor: [Double]

  /// Factors A + damping · I.
  ///
  /// - Parameters:
  ///   - matrix: Symmetric; only its upper triangle is read.
  ///   - damping: Added to every diagonal element.
  /// - Throws: ``LinearAlgebraError`` with `notPositiveDefinite`, LAPACK's `info` in it.
  /// - Complexity: O(n³ / 3).
  public init(_ matrix: Matrix, damping: Double = 0) throws(LinearAlgebraError) {
    precondition(
      matrix.rows == matrix.columns,
      "a \(matrix.rows) × \(matrix.columns) matrix has no Cholesky factorisation")
    order = matrix.rows
    var a = matrix.elements
    if damping != 0 { for i in 0..<order { a[i * order + i] += damping } }
    if order > 0 {
      var (n, info) = (Int32(order), Int32(0))
      OpenBLAS.call { dpotrf_("L", &n, &a, &n, &info) }
      try LinearAlgebraError.check(info, routine: "dpotrf", order: order)
    }
    factor = a
  }

  /// Solves X A = B, that is A xᵢ = bᵢ for every row.
  ///
  /// - Parameter b: `[r, n]`, one right-hand side per row.
  /// - Returns: X, `[r, n]`.
  /// - Complexity: O(r n²).
  public func solve(_ b: Matrix) throws(LinearAlgebraError) -> Matrix {
    precondition(b.columns == order, "\(b.columns) columns do not fit a system of order \(order)")
    var x = b
    guard order > 0, b.rows > 0 else { return x }
    var (n, sides, info) = (Int32(order), Int32(b.rows), Int32(0))
    OpenBLAS.call { dpotrs_("L", &n, &sides, factor, &n, &x.elements, &n, &info) }
    try LinearAlgebraError.check(info, routine: "dpotrs", order: order)
    return x
  }

  /// The inverse, both triangles filled.
  ///
  /// - Complexity: O(2 n³ / 3).
  public func inverse() throws(LinearAlgebraError) -> Matrix {
    var inverse = Matrix(rows: order, columns: order, elements: factor)
    guard order > 0 else { return inverse }
    var (n, info) = (Int32(order), Int32(0))
    OpenBLAS.call { dpotri_("L", &n, &inverse.elements, &n, &info) }
    try LinearAlgebraError.check(info, routine: "dpotri", order: order)
    inverse.mirrorUpperTriangle()
    return inverse
  }
}
