import COpenBLAS

extension Matrix {
  /// Which side of a product a matrix's transpose is taken on.
  public enum GramOrder: Sendable {
    /// A Aᵀ: inner products of the rows.
    case rows
    /// Aᵀ A: inner products of the columns.
    case columns
  }

  /// Adds `scale · op(a) op(b)`, where op transposes if asked to.
  ///
  /// - Precondition: The shapes agree.
  /// - Complexity: O(rows · columns · inner extent), by `dgemm`.
  public mutating func add(
    productOf a: Matrix, transposed transposeA: Bool = false, and b: Matrix,
    transposed transposeB: Bool = false, scale: Double = 1
  ) {
    let inner = transposeA ? a.rows : a.columns
    precondition(
      (transposeA ? a.columns : a.rows) == rows && (transposeB ? b.rows : b.columns) == columns
        && (transposeB ? b.columns : b.rows) == inner,
      """
      a \(a.rows) × \(a.columns) and a \(b.rows) × \(b.columns) matrix \
      (transposed: \(transposeA), \(transposeB)) have no \(rows) × \(columns) product
      """)
    guard rows > 0, columns > 0, inner > 0 else { return }
    let (m, n, ldc) = (Int32(rows), Int32(columns), Int32(columns))
    elements.withUnsafeMutableBufferPointer { c in
      OpenBLAS.call {
        cblas_dgemm(
          CblasRowMajor, transposeA ? CblasTrans : CblasNoTrans,
          transposeB ? CblasTrans : CblasNoTrans, m, n, Int32(inner), scale, a.elements,
          Int32(a.columns), b.elements, Int32(b.columns), 1, c.baseAddress, ldc)
      }
    }
  }

  /// The matrix product.
  public static func * (a: Matrix, b: Matrix) -> Matrix {
    var product = Matrix(rows: a.rows, columns: b.columns)
    product.add(productOf: a, and: b)
    return product
  }

  /// Adds `scale · A Aᵀ` or `scale · Aᵀ A` to the upper triangle; the lower one is not touched.
  ///
  /// - Precondition: The matrix is square, of the Gram matrix's order.
  /// - Complexity: Half of the full product's, by `dsyrk`.
  public mutating func addUpperGram(
    of a: Matrix, _ order: GramOrder = .columns, scale: Double = 1
  ) {
    let (n, inner) = order == .rows ? (a.rows, a.columns) : (a.columns, a.rows)
    precondition(
      rows == n && columns == n,
      "a \(rows) × \(columns) matrix cannot hold the Gram matrix of order \(n)")
    guard n > 0, inner > 0 else { return }
    elements.withUnsafeMutableBufferPointer { c in
      OpenBLAS.call {
        cblas_dsyrk(
          CblasRowMajor, CblasUpper, order == .rows ? CblasNoTrans : CblasTrans, Int32(n),
          Int32(inner), scale, a.elements, Int32(a.columns), 1, c.baseAddress, Int32(n))
      }
    }
  }
}
