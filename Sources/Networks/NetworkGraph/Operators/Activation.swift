/// An elementwise function of one value.
public enum Activation: Sendable, Hashable {
  /// max(x, 0).
  case relu
  /// min(max(x, low), high); infinite where a bound is left out. ReLU6 is `clip(0, 6)`.
  case clip(Float, Float)
  case leakyRelu(alpha: Float)
  case sigmoid
  case tanh
  /// max(0, min(1, alpha · x + beta)).
  case hardSigmoid(alpha: Float, beta: Float)
  /// x · max(0, min(1, x/6 + 1/2)).
  case hardSwish
}
