import COneDNN
import Execution
import NetworkGraph

/// Pooling, reductions and interpolation.
extension ProgramBuilder {
  mutating func lower(_ operation: Pooling, of x: ValueID, _ step: FusedStep) throws {
    let input = Array(shape(of: x)[2...])
    let output = Array(shape(of: step.output)[2...])
    guard let kernel = operation.kernel else {
      return try lowerPooling(Pooling(kind: operation.kind, kernel: input), of: x, step)
    }
    // oneDNN computes the output's extent rounding down, from pads that reach the last window.
    let reach = input.indices.map { axis in
      (output[axis] - 1) * operation.strides[axis]
        + (kernel[axis] - 1) * operation.dilations[axis] + 1 - input[axis]
        - operation.padsBefore[axis]
    }
    var reaching = operation
    reaching.padsAfter = zip(reach, operation.padsAfter).map { max($0, $1) }
    let isDilated = operation.dilations.contains { $0 > 1 }
    if reaching.padsAfter != operation.padsAfter || isDilated,
      operation.kind == .average(countsPadding: true)
    {
      // Its divisor would count what lies beyond the pads.
      return try lowerByReference(step)
    }
    try lowerPooling(reaching, of: x, step)
  }

  /// - Parameter operation: Has a kernel.
  private mutating func lowerPooling(
    _ operation: Pooling, of x: ValueID, _ step: FusedStep
  ) throws {
    let node = step.node
    let kernel = operation.kernel ?? []
    let algorithm =
      switch operation.kind {
      case .maximum: dnnl_pooling_max
      case .average(countsPadding: true): dnnl_pooling_avg_include_padding
      case .average(countsPadding: false): dnnl_pooling_avg_exclude_padding
      }
    let source = try ordinaryPlace(of: x, node: node)
    let input = source.layout.shape
    let pooled = kernel.indices.map { axis in
      let padded = input[axis + 2] + operation.padsBefore[axis] + operation.padsAfter[axis]
      let window = (kernel[axis] - 1) * operation.dilations[axis] + 1
      return (padded - window) / operation.strides[axis] + 1
    }
    let primitive = try Primitive.pooling(
      algorithm, source: source.layout, destination: Array(input[..<2]) + pooled, kernel: kernel,
      strides: operation.strides, dilations: operation.dilations, padsBefore: operation.padsBefore,
      padsAfter: operation.padsAfter, engine: engine, node: node.name)
    let destination = makePlace(try primitive.layout(.destination))
    try emit(primitive, [(.source, .place(source)), (.destination, .place(destination))])
    try define(step.output, reshaping: destination, node: node)
  }

  mutating func lower(_ operation: Reduction, of x: ValueID, _ step: FusedStep) throws {
    let input = shape(of: x)
    let axes = operation.axes
    if axes.isEmpty || operation.kind == .logSumExp { return try lowerByReference(step) }
    let isSpatial = (3...5).contains(input.count) && axes == Array(2..<input.count)
    if isSpatial, operation.kind == .mean || operation.kind == .maximum {
      let kind: Pooling.Kind =
        operation.kind == .mean ? .average(countsPadding: false) : .maximum
      return try lowerPooling(Pooling(kind: kind, kernel: Array(input[2...])), of: x, step)
    }
    guard axes.last.map({ $0 - axes[0] }) == axes.count - 1 else {
      return try lowerScatteredReduction(operation, of: x, step)
    }
    let count = axes.reduce(1) { $0 * input[$1] }
    let source = try rowMajorPlace(of: x, node: step.node)
    let destination = try makeRowMajorPlace(for: step.output, node: step.node)
    let (combination, term) = Self.parts(of: operation.kind)
    let reduction = AxisReduction(
      outer: input[..<axes[0]].reduce(1, *), count: count,
      inner: input[(axes[axes.count - 1] + 1)...].reduce(1, *), combination: combination,
      term: term)
    emit(kernel: "own loop", [source.buffer, destination.buffer]) { operands, _ in
      reduction.run(from: operands[0], to: operands[1])
    }
    try apply(
      Self.ending(of: operation.kind, count: count), from: destination, to: destination,
      node: step.node)
    if operation.kind == .logSum { _ = apply(.logarithm, from: destination, to: destination) }
    try define(step.output, at: destination)
  }

  /// Over axes that are no neighbours.
  private mutating func lowerScatteredReduction(
    _ operation: Reduction, of x: ValueID, _ step: FusedStep
  ) throws {
    let node = step.node
    let input = shape(of: x)
    let (algorithm, power): (dnnl_alg_kind_t, Float) =
      switch operation.kind {
      case .mean: (dnnl_reduction_mean, 0)
      case .sum, .logSum, .logSumExp: (dnnl_reduction_sum, 0)
      case .maximum: (dnnl_reduction_max, 0)
      case .minimum: (dnnl_reduction_min, 0)
      case .product: (dnnl_reduction_mul, 0)
      case .l1: (dnnl_reduction_norm_lp_power_p_sum, 1)
      case .l2: (dnnl_reduction_norm_lp_sum, 2)
      case .sumOfSquares: (dnnl_reduction_norm_lp_power_p_sum, 2)
      }
    let source = try rowMajorPlace(of: x, node: node)
    let kept = input.enumerated().map { operation.axes.contains($0) ? 1 : $1 }
    let destination = makePlace(try Layout(rowMajor: kept, node: node.name))
    let primitive = try Primitive.reduction(
      algorithm, power: power, from: source.layout, to: destination.layout, engine: engine,
      node: node.name)
    try emit(primitive, [(.source, .place(source)), (.destination, .place(destination))])
    if operation.kind == .logSum { _ = apply(.logarithm, from: destination, to: destination) }
    try define(step.output, reshaping: destination, node: node)
  }

  private static func parts(
    of kind: Reduction.Kind
  ) -> (AxisReduction.Combination, AxisReduction.Term) {
    switch kind {
    case .mean, .sum, .logSum, .logSumExp: (.sum, .value)
    case .maximum: (.maximum, .value)
    case .minimum: (.minimum, .value)
    case .product: (.product, .value)
    case .l1: (.sum, .absolute)
    case .l2, .sumOfSquares: (.sum, .square)
    }
  }

  /// What is done to a reduction's result.
  private static func ending(of kind: Reduction.Kind, count: Int) -> [ElementwiseFunction] {
    switch kind {
    case .mean: [.linear(scale: 1 / Float(count))]
    case .l2: [.init(algorithm: dnnl_eltwise_sqrt)]
    default: []
    }
  }
}
