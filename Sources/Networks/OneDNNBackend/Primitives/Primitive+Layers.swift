import COneDNN
import NetworkGraph

/// Operations with weights.
extension Primitive {
  /// Shapes of a convolution; layouts are the primitive's choice.
  ///
  /// - Parameter weights: `[O, C, kernel…]`, or `[G, O/G, C/G, kernel…]`.
  static func convolution(
    _ operation: Convolution, source: [Int], weights: [Int], hasBias: Bool, destination: [Int],
    _ attributes: Attributes, engine: Engine, node: String
  ) throws -> Primitive {
    var source = try Layout(anyOf: source, node: node).descriptor
    var weights = try Layout(anyOf: weights, node: node).descriptor
    var bias = try Layout(rowMajor: [destination[1]], node: node).descriptor
    var destination = try Layout(anyOf: destination, node: node).descriptor
    var description = dnnl_convolution_desc_t()
    try check(
      withUnsafePointer(to: &bias) { bias in
        dnnl_dilated_convolution_forward_desc_init(
          &description, dnnl_forward_inference, dnnl_convolution_direct, &source, &weights,
          hasBias ? bias : nil, &destination, operation.strides.map(Int64.init),
          operation.dilations.map { Int64($0 - 1) }, operation.padsBefore.map(Int64.init),
          operation.padsAfter.map(Int64.init))
      }, "describe a convolution", node: node)
    return try Primitive(description, attributes, engine: engine, node: node)
  }

  /// Shapes of a transposed convolution; layouts are the primitive's choice.
  ///
  /// - Parameter weights: `[O, C, kernel…]`, or `[G, O/G, C/G, kernel…]`.
  static func transposedConvolution(
    _ operation: TransposedConvolution, source: [Int], weights: [Int], hasBias: Bool,
    destination: [Int], _ attributes: Attributes, engine: Engine, node: String
  ) throws -> Primitive {
    var source = try Layout(anyOf: source, node: node).descriptor
    var weights = try Layout(anyOf: weights, node: node).descriptor
    var bias = try Layout(rowMajor: [destination[1]], node: node).descriptor
    var destination = try Layout(anyOf: destination, node: node).descriptor
    var description = dnnl_deconvolution_desc_t()
    // Elements added at the end are those that the trailing pad cuts off less of.
    let padsAfter = zip(operation.padsAfter, operation.outputPadding).map { Int64($0 - $1) }
    try check(
      withUnsafePointer(to: &bias) { bias in
        dnnl_dilated_deconvolution_forward_desc_init(
          &description, dnnl_forward_inference, dnnl_deconvolution_direct, &source, &weights,
          hasBias ? bias : nil, &destination, operation.strides.map(Int64.init),
          operation.dilations.map { Int64($0 - 1) }, operation.padsBefore.map(Int64.init),
          padsAfter)
      }, "describe a transposed convolution", node: node)
    return try Primitive(description, attributes, engine: engine, node: node)
  }

  /// Row-major x `[N, K]` and y `[N, M]`; the weights `[M, K]` lie as the primitive chooses.
  static func innerProduct(
    source: Layout, outputs: Int, hasBias: Bool, destination: Layout, _ attributes: Attributes,
    engine: Engine, node: String
  ) throws -> Primitive {
    var weights = try Layout(anyOf: [outputs, source.shape[1]], node: node).descriptor
    var bias = try Layout(rowMajor: [outputs], node: node).descriptor
    var source = source.descriptor
    var destination = destination.descriptor
    var description = dnnl_inner_product_desc_t()
    try check(
      withUnsafePointer(to: &bias) { bias in
        dnnl_inner_product_forward_desc_init(
          &description, dnnl_forward_inference, &source, &weights, hasBias ? bias : nil,
          &destination)
      }, "describe an inner product", node: node)
    return try Primitive(description, attributes, engine: engine, node: node)
  }

  /// Matrices `[…, M, K]` times `[…, K, P]` of one rank; extents of 1 before the last two repeat.
  static func matrixProduct(
    _ first: Layout, _ second: Layout, destination: Layout, _ attributes: Attributes,
    engine: Engine, node: String
  ) throws -> Primitive {
    var first = first.descriptor
    var second = second.descriptor
    var destination = destination.descriptor
    var description = dnnl_matmul_desc_t()
    try check(
      dnnl_matmul_desc_init(&description, &first, &second, nil, &destination),
      "describe a matrix product", node: node)
    return try Primitive(description, attributes, engine: engine, node: node)
  }
}
