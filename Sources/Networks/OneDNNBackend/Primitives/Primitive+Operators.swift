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

  /// Pooling with explicit geometry; the destination's layout is the primitive's choice.
  static func pooling(
    _ algorithm: dnnl_alg_kind_t, source: Layout, destination: [Int], kernel: [Int],
    strides: [Int], dilations: [Int], padsBefore: [Int], padsAfter: [Int], engine: Engine,
    node: String
  ) throws -> Primitive {
    var source = source.descriptor
    var destination = try Layout(anyOf: destination, node: node).descriptor
    var description = dnnl_pooling_v2_desc_t()
    try check(
      dnnl_pooling_v2_forward_desc_init(
        &description, dnnl_forward_inference, algorithm, &source, &destination,
        strides.map(Int64.init), kernel.map(Int64.init), dilations.map { Int64($0 - 1) },
        padsBefore.map(Int64.init), padsAfter.map(Int64.init)), "describe pooling", node: node)
    return try Primitive(description, try Attributes(node: node), engine: engine, node: node)
  }

  /// BatchNormalization in place, by stored statistics or (and returning) those of the batch.
  static func batchNormalization(
    _ layout: Layout, epsilon: Float, usesStoredStatistics: Bool, endsInRelu: Bool,
    engine: Engine, node: String
  ) throws -> Primitive {
    var data = layout.descriptor
    var flags = dnnl_use_scale.rawValue | dnnl_use_shift.rawValue
    if endsInRelu { flags |= dnnl_fuse_norm_relu.rawValue }
    if usesStoredStatistics { flags |= dnnl_use_global_stats.rawValue }
    var description = dnnl_batch_normalization_desc_t()
    try check(
      dnnl_batch_normalization_forward_desc_init(
        &description, usesStoredStatistics ? dnnl_forward_inference : dnnl_forward_training,
        &data, epsilon, flags), "describe batch normalisation", node: node)
    return try Primitive(description, try Attributes(node: node), engine: engine, node: node)
  }

  /// An elementwise function of one array, in place or not.
  static func elementwise(
    _ function: ElementwiseFunction, _ layout: Layout, engine: Engine, node: String
  ) throws -> Primitive {
    var data = layout.descriptor
    var description = dnnl_eltwise_desc_t()
    try check(
      dnnl_eltwise_forward_desc_init(
        &description, dnnl_forward_inference, function.algorithm, &data, function.alpha,
        function.beta), "describe an elementwise function", node: node)
    return try Primitive(description, try Attributes(node: node), engine: engine, node: node)
  }

  /// An elementwise function of two arrays, then others of the result.
  ///
  /// - Parameters:
  ///   - first: Has the shape and layout of the result, which may take its place.
  ///   - second: Of the same rank; extents of 1 repeat.
  static func binary(
    _ algorithm: dnnl_alg_kind_t, _ first: Layout, _ second: Layout,
    then functions: [ElementwiseFunction], engine: Engine, node: String
  ) throws -> Primitive {
    var result = first.descriptor
    var first = first.descriptor
    var second = second.descriptor
    var description = dnnl_binary_desc_t()
    try check(
      dnnl_binary_desc_init(&description, algorithm, &first, &second, &result),
      "describe an elementwise operation", node: node)
    let attributes = try Attributes(elementwise: functions, node: node)
    return try Primitive(description, attributes, engine: engine, node: node)
  }

  /// max(x, 0) + slope · min(x, 0).
  ///
  /// - Parameter slopes: Of the rank of x; extents of 1 repeat.
  static func parametricRelu(
    _ layout: Layout, slopes: Layout, engine: Engine, node: String
  ) throws -> Primitive {
    var data = layout.descriptor
    var slopes = slopes.descriptor
    var description = dnnl_prelu_desc_t()
    try check(
      dnnl_prelu_forward_desc_init(&description, dnnl_forward_inference, &data, &slopes),
      "describe a parametric rectifier", node: node)
    return try Primitive(description, try Attributes(node: node), engine: engine, node: node)
  }

  /// exp(x) / Σ exp(x) along an axis, or its logarithm.
  static func softmax(
    _ layout: Layout, axis: Int, isLogarithm: Bool, engine: Engine, node: String
  ) throws -> Primitive {
    var data = layout.descriptor
    var description = dnnl_softmax_desc_t()
    let status =
      isLogarithm
      ? dnnl_logsoftmax_forward_desc_init(
        &description, dnnl_forward_inference, &data, Int32(axis))
      : dnnl_softmax_forward_desc_init(&description, dnnl_forward_inference, &data, Int32(axis))
    try check(status, "describe a softmax", node: node)
    return try Primitive(description, try Attributes(node: node), engine: engine, node: node)
  }

  /// Division by a power of the squares of neighbouring channels; the window has an odd size.
  static func localResponseNormalization(
    _ operation: LocalResponseNormalization, _ layout: Layout, engine: Engine, node: String
  ) throws -> Primitive {
    var data = layout.descriptor
    var description = dnnl_lrn_desc_t()
    try check(
      dnnl_lrn_forward_desc_init(
        &description, dnnl_forward_inference, dnnl_lrn_across_channels, &data,
        Int64(operation.size), operation.alpha, operation.beta, operation.bias),
      "describe local response normalisation", node: node)
    return try Primitive(description, try Attributes(node: node), engine: engine, node: node)
  }

  /// y = scale · (x − mean) / √(variance + ε) + shift over the last axis of a row-major array.
  static func layerNormalization(
    _ layout: Layout, epsilon: Float, hasScale: Bool, hasShift: Bool, engine: Engine, node: String
  ) throws -> Primitive {
    var data = layout.descriptor
    var flags = dnnl_normalization_flags_none.rawValue
    if hasScale { flags |= dnnl_use_scale.rawValue }
    if hasShift { flags |= dnnl_use_shift.rawValue }
    var description = dnnl_layer_normalization_desc_t()
    try check(
      dnnl_layer_normalization_forward_desc_init(
        &description, dnnl_forward_inference, &data, nil, epsilon, flags),
      "describe layer normalisation", node: node)
    return try Primitive(description, try Attributes(node: node), engine: engine, node: node)
  }

  /// A sum, mean, extreme or norm over the axes where the destination has an extent of 1.
  ///
  /// - Parameter power: The norm's, where it is one.
  static func reduction(
    _ algorithm: dnnl_alg_kind_t, power: Float, from source: Layout, to destination: Layout,
    engine: Engine, node: String
  ) throws -> Primitive {
    var source = source.descriptor
    var destination = destination.descriptor
    var description = dnnl_reduction_desc_t()
    try check(
      dnnl_reduction_desc_init(&description, algorithm, &source, &destination, power, 0),
      "describe a reduction", node: node)
    return try Primitive(description, try Attributes(node: node), engine: engine, node: node)
  }

  /// Linear interpolation between the centres of elements.
  static func resampling(
    from source: Layout, to destination: Layout, engine: Engine, node: String
  ) throws -> Primitive {
    let factors = zip(source.shape, destination.shape).dropFirst(2).map {
      Float($1) / Float($0)
    }
    var source = source.descriptor
    var destination = destination.descriptor
    var description = dnnl_resampling_desc_t()
    try check(
      dnnl_resampling_forward_desc_init(
        &description, dnnl_forward_inference, dnnl_resampling_linear, factors, &source,
        &destination), "describe resampling", node: node)
    return try Primitive(description, try Attributes(node: node), engine: engine, node: node)
  }
}
