import COpenBLAS

/// Single-precision products on flat row-major buffers, for the large sums of statistics.
public enum FloatProducts {
  /// c += x yᵀ, all pairs of rows.
  ///
  /// - Parameters:
  ///   - x: `[m, k]`, its rows `stride` elements apart.
  ///   - y: `[n, k]`, its rows `stride` elements apart.
  ///   - inner: k.
  ///   - c: `[m, n]`.
  public static func add(
    rows x: [Float], times y: [Float], inner: Int, stride: Int, m: Int, n: Int,
    into c: inout [Float]
  ) {
    precondition(
      inner <= stride && x.count >= m * stride && y.count >= n * stride && c.count == m * n,
      "buffers of \(x.count), \(y.count), \(c.count) for m = \(m), n = \(n), stride = \(stride)")
    OpenBLAS.call {
      cblas_sgemm(
        CblasRowMajor, CblasNoTrans, CblasTrans, Int32(m), Int32(n), Int32(inner), 1, x,
        Int32(stride), y, Int32(stride), 1, &c, Int32(n))
    }
  }

  /// c += a b.
  ///
  /// - Parameters:
  ///   - a: `[m, inner]`.
  ///   - b: `[inner, n]`, its rows `rowsOfBApart` elements apart.
  ///   - c: `[m, n]`, its rows `rowsOfCApart` elements apart.
  public static func add(
    _ a: [Float], times b: [Float], inner: Int, m: Int, n: Int, rowsOfBApart: Int,
    rowsOfCApart: Int, into c: inout [Float]
  ) {
    precondition(
      n <= rowsOfBApart && n <= rowsOfCApart && a.count >= m * inner
        && b.count >= inner * rowsOfBApart && c.count >= m * rowsOfCApart,
      "buffers of \(a.count), \(b.count), \(c.count) for m = \(m), n = \(n), inner = \(inner)")
    OpenBLAS.call {
      cblas_sgemm(
        CblasRowMajor, CblasNoTrans, CblasNoTrans, Int32(m), Int32(n), Int32(inner), 1, a,
        Int32(inner), b, Int32(rowsOfBApart), 1, &c, Int32(rowsOfCApart))
    }
  }

  /// The upper triangle of c += x xᵀ: half of the work. The lower triangle is not touched.
  ///
  /// - Parameters:
  ///   - x: `[m, k]`, its rows `stride` elements apart.
  ///   - inner: k.
  ///   - accumulate: Whether c is added to or overwritten.
  ///   - c: `[m, m]`.
  public static func addUpperGram(
    rows x: [Float], inner: Int, stride: Int, m: Int, accumulate: Bool = true, into c: inout [Float]
  ) {
    precondition(
      inner <= stride && x.count >= m * stride && c.count == m * m,
      "buffers of \(x.count), \(c.count) for m = \(m), stride = \(stride)")
    OpenBLAS.call {
      cblas_ssyrk(
        CblasRowMajor, CblasUpper, CblasNoTrans, Int32(m), Int32(inner), 1, x, Int32(stride),
        accumulate ? 1 : 0, &c, Int32(m))
    }
  }
}
