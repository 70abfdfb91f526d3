import Foundation
import NetworkGraph
import Tensors

extension ReferenceOperators {
  /// An elementwise function; what is not a number stays so.
  public static func activation(_ operation: Activation, _ x: Tensor) -> Tensor {
    Tensor(shape: x.shape, elements: x.elements.map { Float(value(operation, Double($0))) })
  }

  /// Elements as whole numbers, rounded towards zero, or as 0 and 1; floats as they are.
  public static func cast(_ operation: Cast, _ x: Tensor) -> Tensor {
    switch operation.type {
    case .float32: x
    case .bool: Tensor(shape: x.shape, elements: x.elements.map { $0 == 0 ? 0 : 1 })
    case .int64, .int32, .int8, .uint8:
      Tensor(shape: x.shape, elements: x.elements.map { $0.rounded(.towardZero) })
    }
  }

  private static func value(_ operation: Activation, _ x: Double) -> Double {
    switch operation {
    case .relu: max(x, 0)
    case .clip(let low, let high): min(max(x, Double(low)), Double(high))
    case .leakyRelu(let alpha): x < 0 ? Double(alpha) * x : x
    case .thresholdedRelu(let alpha): x > Double(alpha) ? x : 0
    case .sigmoid: sigmoid(x)
    case .tanh: Foundation.tanh(x)
    case .hardSigmoid(let alpha, let beta): unit(Double(alpha) * x + Double(beta))
    case .hardSwish: x * unit(x / 6 + 0.5)
    case .silu: x * sigmoid(x)
    case .mish: x * Foundation.tanh(softplus(x))
    case .gelu(let isApproximate): isApproximate ? geluByTanh(x) : gelu(x)
    case .elu(let alpha): exponentialUnit(x, Double(alpha))
    case .selu(let alpha, let gamma): Double(gamma) * exponentialUnit(x, Double(alpha))
    case .celu(let alpha): max(x, 0) + min(0, Double(alpha) * expm1(x / Double(alpha)))
    case .softplus: softplus(x)
    case .softsign: x / (1 + abs(x))
    case .erf: Foundation.erf(x)
    case .exponential: exp(x)
    case .logarithm: log(x)
    case .squareRoot: x.squareRoot()
    case .reciprocal: 1 / x
    case .absolute: abs(x)
    case .negation: -x
    case .floor: x.rounded(.down)
    case .ceiling: x.rounded(.up)
    case .round: x.rounded(.toNearestOrEven)
    }
  }

  private static func sigmoid(_ x: Double) -> Double { 1 / (1 + exp(-x)) }

  /// x cut to 0…1.
  private static func unit(_ x: Double) -> Double { min(max(x, 0), 1) }

  /// log(1 + eˣ), also where eˣ is beyond all numbers or lost beside 1.
  private static func softplus(_ x: Double) -> Double { max(x, 0) + log1p(exp(-abs(x))) }

  /// x · Φ(x); the complement keeps the digits of small Φ.
  private static func gelu(_ x: Double) -> Double { x * erfc(-x * 0.5.squareRoot()) / 2 }

  private static func geluByTanh(_ x: Double) -> Double {
    x / 2 * (1 + Foundation.tanh((2 / Double.pi).squareRoot() * (x + 0.044_715 * x * x * x)))
  }

  private static func exponentialUnit(_ x: Double, _ alpha: Double) -> Double {
    x > 0 ? x : alpha * expm1(x)
  }
}
