import COneDNN
import Execution
import NetworkGraph

/// What a primitive does beside its operation: post-operations on its result, before it is written.
final class Attributes {
  let handle: dnnl_primitive_attr_t

  /// - Parameters:
  ///   - addsDestination: Adds what the destination held.
  ///   - elementwise: Applied last, in order.
  init(
    addsDestination: Bool = false, elementwise: [ElementwiseFunction] = [], node: String
  ) throws {
    var attributes: dnnl_primitive_attr_t?
    try check(dnnl_primitive_attr_create(&attributes), "make attributes", node: node)
    guard let attributes else {
      throw ExecutionError(.libraryFailure, "oneDNN made no attributes for node \"\(node)\"")
    }
    handle = attributes
    // The library's own scratchpad belongs to the thread that made the primitive; plans move.
    try check(
      dnnl_primitive_attr_set_scratchpad_mode(handle, dnnl_scratchpad_mode_user),
      "set the scratchpad mode", node: node)
    guard addsDestination || !elementwise.isEmpty else { return }
    var operations: dnnl_post_ops_t?
    try check(dnnl_post_ops_create(&operations), "make post-operations", node: node)
    defer { dnnl_post_ops_destroy(operations) }
    if addsDestination {
      try check(dnnl_post_ops_append_sum(operations, 1), "append a sum", node: node)
    }
    for function in elementwise {
      try check(
        dnnl_post_ops_append_eltwise(
          operations, 1, function.algorithm, function.alpha, function.beta),
        "append an activation", node: node)
    }
    try check(
      dnnl_primitive_attr_set_post_ops(handle, operations), "set post-operations", node: node)
  }

  deinit { dnnl_primitive_attr_destroy(handle) }
}

/// One of oneDNN's elementwise functions with its two parameters.
struct ElementwiseFunction {
  var algorithm: dnnl_alg_kind_t
  var alpha: Float = 0
  var beta: Float = 0

  /// The functions that an activation is made of, in order of application.
  static func functions(of activation: Activation) -> [ElementwiseFunction] {
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
        .init(algorithm: dnnl_eltwise_linear, alpha: alpha, beta: beta),
        .init(algorithm: dnnl_eltwise_clip, alpha: 0, beta: 1),
      ]
    case .hardSwish: [.init(algorithm: dnnl_eltwise_hardswish)]
    default: []
    }
  }
}
