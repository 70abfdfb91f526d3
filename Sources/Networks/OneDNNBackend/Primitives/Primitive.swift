import COneDNN
import Execution

/// A kernel made for fixed shapes and layouts.
final class Primitive {
  let node: String
  private let descriptor: dnnl_primitive_desc_t
  private let handle: dnnl_primitive_t

  /// Makes a primitive from an operation descriptor of any kind.
  convenience init<Description>(
    _ description: Description, _ attributes: Attributes, engine: Engine, node: String
  ) throws {
    var descriptor: dnnl_primitive_desc_t?
    let status = withUnsafePointer(to: description) {
      dnnl_primitive_desc_create(&descriptor, $0, attributes.handle, engine.handle, nil)
    }
    try check(status, "choose a kernel", node: node)
    try self.init(descriptor: descriptor, node: node)
  }

  /// Takes over a primitive descriptor.
  init(descriptor: dnnl_primitive_desc_t?, node: String) throws {
    guard let descriptor else {
      throw ExecutionError(.libraryFailure, "oneDNN chose no kernel for node \"\(node)\"")
    }
    var primitive: dnnl_primitive_t?
    let status = dnnl_primitive_create(&primitive, descriptor)
    guard status == dnnl_success, let primitive else {
      dnnl_primitive_desc_destroy(descriptor)
      try check(status, "compile a kernel", node: node)
      throw ExecutionError(.libraryFailure, "oneDNN compiled no kernel for node \"\(node)\"")
    }
    self.node = node
    self.descriptor = descriptor
    self.handle = primitive
  }

  deinit {
    dnnl_primitive_destroy(handle)
    dnnl_primitive_desc_destroy(descriptor)
  }

  /// The layout chosen for an argument.
  func layout(_ argument: Argument) throws -> Layout {
    guard
      let found = dnnl_primitive_desc_query_md(
        descriptor, dnnl_query_exec_arg_md, argument.rawValue)
    else {
      throw ExecutionError(.libraryFailure, "oneDNN names no layout for node \"\(node)\"")
    }
    return Layout(found.pointee)
  }

  /// The library's name of the kernel, such as `brgconv:avx512_core`.
  var implementation: String {
    var name: UnsafePointer<CChar>?
    let status = withUnsafeMutablePointer(to: &name) {
      dnnl_primitive_desc_query(descriptor, dnnl_query_impl_info_str, 0, $0)
    }
    guard status == dnnl_success, let name else { return "unnamed" }
    return String(cString: name)
  }

  /// The library's name of what it computes, such as `convolution`.
  var kind: String {
    var kind = dnnl_undefined_primitive
    let status = withUnsafeMutablePointer(to: &kind) {
      dnnl_primitive_desc_query(descriptor, dnnl_query_primitive_kind, 0, $0)
    }
    return status == dnnl_success ? String(cString: dnnl_prim_kind2str(kind)) : "primitive"
  }

  func execute(_ arguments: [dnnl_exec_arg_t], on engine: Engine) throws {
    try check(
      dnnl_primitive_execute(handle, engine.stream, Int32(arguments.count), arguments),
      "compute", node: node)
  }
}

/// What an array is to a primitive.
enum Argument: Hashable {
  case source, secondSource, destination, weights, bias, mean, variance, scale, shift, scratchpad

  var rawValue: Int32 {
    switch self {
    case .source: DNNL_ARG_SRC_0
    case .secondSource: DNNL_ARG_SRC_1
    case .destination: DNNL_ARG_DST_0
    case .weights: DNNL_ARG_WEIGHTS_0
    case .bias: DNNL_ARG_BIAS
    case .mean: DNNL_ARG_MEAN
    case .variance: DNNL_ARG_VARIANCE
    case .scale: DNNL_ARG_SCALE
    case .shift: DNNL_ARG_SHIFT
    case .scratchpad: DNNL_ARG_SCRATCHPAD
    }
  }
}
