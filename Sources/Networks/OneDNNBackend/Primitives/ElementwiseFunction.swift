import COneDNN
import NetworkGraph

/// One of oneDNN's elementwise functions with its two parameters.
struct ElementwiseFunction {
  var algorithm: dnnl_alg_kind_t
  var alpha: Float = 0
  var beta: Float = 0

  /// x · scale + shift.
  static func linear(scale: Float = 1, shift: Float = 0) -> ElementwiseFunction {
    .init(algorithm: dnnl_eltwise_linear, alpha: scale, beta: shift)
  }

  /// scale · xᵉ; quotients, roots and squares are exact.
  static func power(_ exponent: Float, scale: Float = 1) -> ElementwiseFunction {
    .init(algorithm: dnnl_eltwise_pow, alpha: scale, beta: exponent)
  }

  private static func elu(alpha: Float) -> ElementwiseFunction {
    .init(algorithm: dnnl_eltwise_elu, alpha: alpha)
  }

  /// The functions that an activation is made of, in order of application; nil where oneDNN has
  /// none for it, or no exact one.
  static func functions(of activation: Activation) -> [ElementwiseFunction]? {
    switch activation {
    case .relu: [.init(algorithm: dnnl_eltwise_relu)]
    case .clip(let low, let high):
      [
        .init(
          algorithm: dnnl_eltwise_clip, alpha: max(low, -.greatestFiniteMagnitude),
          beta: min(high, .greatestFiniteMagnitude))
      ]
    case .leakyRelu(let alpha): [.init(algorithm: dnnl_eltwise_relu, alpha: alpha)]
    case .sigmoid: [.init(algorithm: dnnl_eltwise_logistic)]
    case .tanh: [.init(algorithm: dnnl_eltwise_tanh)]
    case .hardSigmoid(let alpha, let beta):
      [
        .linear(scale: alpha, shift: beta),
        .init(algorithm: dnnl_eltwise_clip, alpha: 0, beta: 1),
      ]
    case .hardSwish: [.init(algorithm: dnnl_eltwise_hardswish)]
    case .silu: [.init(algorithm: dnnl_eltwise_swish, alpha: 1)]
    case .mish: [.init(algorithm: dnnl_eltwise_mish)]
    case .gelu(let isApproximate):
      [.init(algorithm: isApproximate ? dnnl_eltwise_gelu_tanh : dnnl_eltwise_gelu_erf)]
    case .elu(let alpha): [.elu(alpha: alpha)]
    case .selu(let alpha, let gamma): [.elu(alpha: alpha), .linear(scale: gamma)]
    case .celu(let alpha):
      alpha > 0 ? [.linear(scale: 1 / alpha), .elu(alpha: 1), .linear(scale: alpha)] : nil
    case .softplus: [.init(algorithm: dnnl_eltwise_soft_relu)]
    case .exponential: [.init(algorithm: dnnl_eltwise_exp)]
    case .squareRoot: [.init(algorithm: dnnl_eltwise_sqrt)]
    case .reciprocal: [.power(-1)]
    case .absolute: [.init(algorithm: dnnl_eltwise_abs)]
    case .negation: [.linear(scale: -1)]
    case .round: [.init(algorithm: dnnl_eltwise_round)]
    case .thresholdedRelu, .softsign, .erf, .logarithm, .floor, .ceiling: nil
    }
  }

  /// The functions that an elementwise operator with a single number is made of; nil where oneDNN
  /// has none for it.
  ///
  /// - Parameter numberIsFirst: Whether it computes number ∘ x instead of x ∘ number.
  static func functions(
    of operation: Elementwise, number: Float, numberIsFirst: Bool
  ) -> [ElementwiseFunction]? {
    switch (operation, numberIsFirst) {
    case (.add, _): [.linear(shift: number)]
    case (.subtract, false): [.linear(shift: -number)]
    case (.subtract, true): [.linear(scale: -1, shift: number)]
    case (.multiply, _): [.linear(scale: number)]
    case (.divide, false): (1 / number).isNormal ? [.linear(scale: 1 / number)] : nil
    case (.divide, true): [.power(-1, scale: number)]
    case (.power, false): [.power(number)]
    case (.power, true), (.minimum, _), (.maximum, _): nil
    }
  }

  /// Whether functions can be post-operations of one primitive: oneDNN 2.6 gives all functions of a
  /// kind the parameters of the first.
  static func canJoin(_ functions: [ElementwiseFunction]) -> Bool {
    Set(functions.map(\.algorithm.rawValue)).count == functions.count
  }
}
