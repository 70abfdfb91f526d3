/// y = alpha · x · W + beta · bias, with W `[K, M]`, or `[M, K]` where `transposesWeight`.
///
/// ONNX `MatMul` by a constant matrix is a Gemm without bias.
public struct Gemm: Sendable, Hashable {
  public var alpha: Float
  public var beta: Float
  public var transposesWeight: Bool

  public init(alpha: Float = 1, beta: Float = 1, transposesWeight: Bool = true) {
    self.alpha = alpha
    self.beta = beta
    self.transposesWeight = transposesWeight
  }
}
