/// An elementwise function of one value.
public enum Activation: Sendable, Hashable {
  /// max(x, 0).
  case relu
  /// min(max(x, low), high); infinite where a bound is left out. ReLU6 is `clip(0, 6)`.
  case clip(Float, Float)
  case leakyRelu(alpha: Float)
  /// x where x > alpha, else 0.
  case thresholdedRelu(alpha: Float)
  case sigmoid
  case tanh
  /// max(0, min(1, alpha · x + beta)).
  case hardSigmoid(alpha: Float, beta: Float)
  /// x · max(0, min(1, x/6 + 1/2)).
  case hardSwish
  /// x · σ(x); ONNX spells it as a product.
  case silu
  /// x · tanh(log(1 + eˣ)).
  case mish
  /// x · Φ(x), or its approximation by tanh.
  case gelu(isApproximate: Bool)
  /// x where x > 0, else alpha · (eˣ − 1).
  case elu(alpha: Float)
  /// gamma · (x where x > 0, else alpha · (eˣ − 1)).
  case selu(alpha: Float, gamma: Float)
  /// max(x, 0) + min(0, alpha · (exp(x / alpha) − 1)).
  case celu(alpha: Float)
  /// log(1 + eˣ).
  case softplus
  /// x / (1 + |x|).
  case softsign
  case erf
  case exponential
  case logarithm
  case squareRoot
  case reciprocal
  case absolute
  case negation
  case floor
  case ceiling
  /// To the nearest integer, halves to even ones.
  case round

  /// The ONNX operator's name.
  public var name: String {
    switch self {
    case .relu: "Relu"
    case .clip: "Clip"
    case .leakyRelu: "LeakyRelu"
    case .thresholdedRelu: "ThresholdedRelu"
    case .sigmoid: "Sigmoid"
    case .tanh: "Tanh"
    case .hardSigmoid: "HardSigmoid"
    case .hardSwish: "HardSwish"
    case .silu: "Silu"
    case .mish: "Mish"
    case .gelu: "Gelu"
    case .elu: "Elu"
    case .selu: "Selu"
    case .celu: "Celu"
    case .softplus: "Softplus"
    case .softsign: "Softsign"
    case .erf: "Erf"
    case .exponential: "Exp"
    case .logarithm: "Log"
    case .squareRoot: "Sqrt"
    case .reciprocal: "Reciprocal"
    case .absolute: "Abs"
    case .negation: "Neg"
    case .floor: "Floor"
    case .ceiling: "Ceil"
    case .round: "Round"
    }
  }
}

extension Activation: ChannelwiseRules {
  func outputShape(of inputs: [Shape?]) throws -> Shape { try inputs.required(0, "x") }
}
