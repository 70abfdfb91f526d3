import COneDNN
import NetworkGraph

/// The one place where operation descriptors of oneDNN 2.x are made (3.x has none).
extension Primitive {
  /// Copies an array into another layout.
  static func reorder(
    from source: Layout, to destination: Layout, engine: Engine, node: String
  ) throws -> Primitive {
    let attributes = try Attributes(node: node)
    var descriptor: dnnl_primitive_desc_t?
    let status = withUnsafePointer(to: source.descriptor) { source in
      withUnsafePointer(to: destination.descriptor) { destination in
        dnnl_reorder_primitive_desc_create(
          &descriptor, source, engine.handle, destination, engine.handle, attributes.handle)
      }
    }
    try check(status, "choose a reorder", node: node)
    return try Primitive(descriptor: descriptor, node: node)
  }

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

  /// Pooling with explicit geometry; the destination's layout is the primitive's choice.
  static func pooling(
    _ algorithm: dnnl_alg_kind_t, source: Layout, destination: [Int], kernel: [Int],
    strides: [Int], padsBefore: [Int], padsAfter: [Int], engine: Engine, node: String
  ) throws -> Primitive {
    var source = source.descriptor
    var destination = try Layout(anyOf: destination, node: node).descriptor
    var description = dnnl_pooling_desc_t()
    try check(
      dnnl_pooling_forward_desc_init(
        &description, dnnl_forward_inference, algorithm, &source, &destination,
        strides.map(Int64.init), kernel.map(Int64.init), padsBefore.map(Int64.init),
        padsAfter.map(Int64.init)), "describe pooling", node: node)
    return try Primitive(description, try Attributes(node: node), engine: engine, node: node)
  }

  /// BatchNormalization in place, by stored statistics or (and returning) those of the batch.
  static func batchNormalization(
    _ layout: Layout, epsilon: Float, usesStoredStatistics: Bool, engine: Engine, node: String
  ) throws -> Primitive {
    var data = layout.descriptor
    var flags = dnnl_use_scale.rawValue | dnnl_use_shift.rawValue
    if usesStoredStatistics { flags |= dnnl_use_global_stats.rawValue }
    var description = dnnl_batch_normalization_desc_t()
    try check(
      dnnl_batch_normalization_forward_desc_init(
        &description, usesStoredStatistics ? dnnl_forward_inference : dnnl_forward_training,
        &data, epsilon, flags), "describe batch normalisation", node: node)
    return try Primitive(description, try Attributes(node: node), engine: engine, node: node)
  }

  /// Elementwise functions of one array, in place or not.
  static func elementwise(
    _ functions: [ElementwiseFunction], _ layout: Layout, engine: Engine, node: String
  ) throws -> Primitive {
    var data = layout.descriptor
    var description = dnnl_eltwise_desc_t()
    try check(
      dnnl_eltwise_forward_desc_init(
        &description, dnnl_forward_inference, functions[0].algorithm, &data, functions[0].alpha,
        functions[0].beta), "describe an activation", node: node)
    let attributes = try Attributes(elementwise: Array(functions[1...]), node: node)
    return try Primitive(description, attributes, engine: engine, node: node)
  }

  /// The sum of two arrays of one layout, in place of the first or not; then an activation.
  static func sum(
    _ layout: Layout, elementwise: [ElementwiseFunction], engine: Engine, node: String
  ) throws -> Primitive {
    var data = layout.descriptor
    var description = dnnl_binary_desc_t()
    var second = data
    var result = data
    try check(
      dnnl_binary_desc_init(&description, dnnl_binary_add, &data, &second, &result),
      "describe a sum", node: node)
    let attributes = try Attributes(elementwise: elementwise, node: node)
    return try Primitive(description, attributes, engine: engine, node: node)
  }

  /// Row-major x `[N, K]` and y `[N, M]`; the weights `[M, K]` lie as the primitive chooses.
  static func innerProduct(
    source: Layout, outputs: Int, hasBias: Bool, destination: Layout, engine: Engine, node: String
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
    return try Primitive(description, try Attributes(node: node), engine: engine, node: node)
  }

  /// exp(x) / Σ exp(x) along an axis.
  static func softmax(
    _ layout: Layout, axis: Int, engine: Engine, node: String
  ) throws -> Primitive {
    var data = layout.descriptor
    var description = dnnl_softmax_desc_t()
    try check(
      dnnl_softmax_forward_desc_init(
        &description, dnnl_forward_inference, &data, Int32(axis)), "describe a softmax",
      node: node)
    return try Primitive(description, try Attributes(node: node), engine: engine, node: node)
  }
}
