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

  /// The ONNX operator's name.
  public var name: String {
    switch self {
    case .relu: "Relu"
    case .clip: "Clip"
    case .leakyRelu: "LeakyRelu"
    case .sigmoid: "Sigmoid"
    case .tanh: "Tanh"
    case .hardSigmoid: "HardSigmoid"
    case .hardSwish: "HardSwish"
    }
  }
}

extension Activation: ChannelwiseRules {
  func outputShape(of inputs: [Shape?]) throws -> Shape { try inputs.required(0, "x") }
}
