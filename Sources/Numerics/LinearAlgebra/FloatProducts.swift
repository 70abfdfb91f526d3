import COpenBLAS

/// Single-precision products on flat row-major buffers.
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
}
