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
