import COneDNN
import Execution
import NetworkGraph
import Tensors

extension ProgramBuilder {
  /// Adds the instructions of a step.
  mutating func lower(_ step: FusedStep) throws {
    switch step.work {
    case .convolution(let convolution): try lower(convolution, step)
    case .sum(let a, let b, let activation): try lowerSum(a, b, activation, step)
    case .single:
      switch step.node.operation {
      case .batchNormalization(let operation): try lower(operation, step)
      case .activation(let operation): try lower(operation, step)
      case .pooling(let operation): try lower(operation, step)
      case .reduction(let operation): try lower(operation, step)
      case .flatten, .reshape: try lowerReshape(step)
      case .gemm(let operation): try lower(operation, step)
      case .slice(let operation): try lower(operation, step)
      case .pad(let operation): try lower(operation, step)
      case .softmax(let operation): try lower(operation, step)
      default: try lowerByReference(step)
      }
    }
  }

  private mutating func lower(_ convolution: FusedConvolution, _ step: FusedStep) throws {
    let (node, operation) = (step.node, convolution.operation)
    var weightShape = convolution.weight.shape
    if operation.groups > 1 {
      weightShape[0] /= operation.groups
      weightShape.insert(operation.groups, at: 0)
    }
    let attributes = try Attributes(
      addsDestination: convolution.addend != nil,
      elementwise: convolution.activation.map(ElementwiseFunction.functions) ?? [],
      node: node.name)
    let primitive = try Primitive.convolution(
      operation, source: shape(of: step.inputs[0]), weights: weightShape,
      hasBias: convolution.bias != nil, destination: shape(of: step.output), attributes,
      engine: engine, node: node.name)
    let source = try place(of: step.inputs[0], in: primitive.layout(.source), node: node)
    let layout = try primitive.layout(.destination)
    let destination =
      if let addend = convolution.addend {
        try writablePlace(of: addend, in: layout, others: [source], node: node)
      } else {
        makePlace(layout)
      }
    var operands: [(Argument, Instruction.Operand)] = [
      (.source, .place(source)), (.destination, .place(destination)),
      (
        .weights,
        try weights.constant(
          convolution.weight, as: Layout(rowMajor: weightShape, node: node.name),
          in: primitive.layout(.weights), role: .weights, of: step)
      ),
    ]
    if let bias = convolution.bias {
      operands.append((.bias, try weights.vector(bias, role: .bias, of: step)))
    }
    try emit(primitive, operands)
    define(step.output, at: destination)
  }

  private mutating func lowerSum(
    _ a: ValueID, _ b: ValueID, _ activation: Activation?, _ step: FusedStep
  ) throws {
    let node = step.node
    var first = try place(of: a, node: node)
    var second = try place(of: b, in: first.layout, node: node)
    if !isFree(first.buffer) { swap(&first, &second) }
    let destination =
      first.buffer == second.buffer
      ? makePlace(first.layout) : destination(overwriting: first)
    let primitive = try Primitive.sum(
      first.layout, elementwise: activation.map(ElementwiseFunction.functions) ?? [],
      engine: engine, node: node.name)
    try emit(
      primitive,
      [
        (.source, .place(first)), (.secondSource, .place(second)),
        (.destination, .place(destination)),
      ])
    define(step.output, at: destination)
  }

  private mutating func lower(_ activation: Activation, _ step: FusedStep) throws {
    let source = try place(of: step.inputs[0], node: step.node)
    let destination = destination(overwriting: source)
    let primitive = try Primitive.elementwise(
      ElementwiseFunction.functions(of: activation), source.layout, engine: engine,
      node: step.node.name)
    try emit(primitive, [(.source, .place(source)), (.destination, .place(destination))])
    define(step.output, at: destination)
  }

  private mutating func lower(_ operation: BatchNormalization, _ step: FusedStep) throws {
    let node = step.node
    let constants = node.inputs[1...].compactMap(network.constant)
    guard constants.count == 4 else { return try lowerByReference(step) }
    let source = try place(of: step.inputs[0], node: node)
    let destination = destination(overwriting: source)
    let usesStored = options.batchNormalization == .inference
    let primitive = try Primitive.batchNormalization(
      source.layout, epsilon: operation.epsilon, usesStoredStatistics: usesStored, engine: engine,
      node: node.name)
    var operands: [(Argument, Instruction.Operand)] = [
      (.source, .place(source)), (.destination, .place(destination)),
      (.scale, try weights.vector(constants[0], role: .scale, of: step)),
      (.shift, try weights.vector(constants[1], role: .shift, of: step)),
    ]
    if usesStored {
      operands.append((.mean, try weights.vector(constants[2], role: .mean, of: step)))
      operands.append((.variance, try weights.vector(constants[3], role: .variance, of: step)))
      try emit(primitive, operands)
    } else {
      let channels = constants[0].count
      let mean = makePlace(try Layout(rowMajor: [channels], node: node.name))
      let variance = makePlace(mean.layout)
      operands += [(.mean, .place(mean)), (.variance, .place(variance))]
      try emit(primitive, operands)
      emitStatistics(mean, variance, channels: channels, node: step.index)
    }
    define(step.output, at: destination)
  }

  private mutating func emitStatistics(
    _ mean: Place, _ variance: Place, channels: Int, node: Int
  ) {
    emit(
      .kernel([mean.buffer, variance.buffer]) { operands, result in
        result.statistics[node] = ExecutionResult.ChannelStatistics(
          mean: Array(UnsafeBufferPointer(start: operands[0], count: channels)),
          variance: Array(UnsafeBufferPointer(start: operands[1], count: channels)))
      })
  }

  private mutating func lower(_ operation: Gemm, _ step: FusedStep) throws {
    let node = step.node
    guard let weight = network.constant(node.inputs[1]), step.inputs.count == 1 else {
      return try lowerByReference(step)
    }
    let depth = shape(of: step.inputs[0])[1]
    let outputs = shape(of: step.output)[1]
    let source = try rowMajorPlace(of: step.inputs[0], node: node)
    let destination = try makeRowMajorPlace(for: step.output, node: node)
    let bias = node.inputs.count > 2 ? network.constant(node.inputs[2]) : nil
    let primitive = try Primitive.innerProduct(
      source: source.layout, outputs: outputs, hasBias: bias != nil,
      destination: destination.layout, engine: engine, node: node.name)
    let scaled = Tensor(shape: weight.shape, elements: weight.elements.map { $0 * operation.alpha })
    let layout = try Layout(
      rowMajor: [outputs, depth], strides: operation.transposesWeight ? nil : [1, outputs],
      node: node.name)
    var operands: [(Argument, Instruction.Operand)] = [
      (.source, .place(source)), (.destination, .place(destination)),
      (
        .weights,
        try weights.constant(
          scaled, as: layout, in: primitive.layout(.weights), role: .weights, of: step)
      ),
    ]
    if let bias {
      let elements = (0..<outputs).map { bias.elements[bias.count == 1 ? 0 : $0] * operation.beta }
      let vector = Tensor(shape: [outputs], elements: elements)
      operands.append((.bias, try weights.vector(vector, role: .bias, of: step)))
    }
    try emit(primitive, operands)
    define(step.output, at: destination)
  }

  private mutating func lower(_ operation: Softmax, _ step: FusedStep) throws {
    let source = try place(of: step.inputs[0], node: step.node)
    let destination = destination(overwriting: source)
    let primitive = try Primitive.softmax(
      source.layout, axis: operation.axis, engine: engine, node: step.node.name)
    try emit(primitive, [(.source, .place(source)), (.destination, .place(destination))])
    define(step.output, at: destination)
  }

  /// The same buffer under another shape.
  private mutating func lowerReshape(_ step: FusedStep) throws {
    let source = try rowMajorPlace(of: step.inputs[0], node: step.node)
    let layout = try Layout(rowMajor: shape(of: step.output), node: step.node.name)
    define(step.output, at: Place(buffer: source.buffer, layout: layout))
  }

  /// Rare operators: the reference's function on row-major copies.
  mutating func lowerByReference(_ step: FusedStep) throws {
    let node = step.node
    let sources = try step.inputs.map { try rowMajorPlace(of: $0, node: node) }
    let destination = try makeRowMajorPlace(for: step.output, node: node)
    let network = network
    let images = images
    let shapes = sources.map(\.layout.shape)
    emit(
      .kernel(sources.map(\.buffer) + [destination.buffer]) { operands, _ in
        var computed = zip(shapes, operands).map { shape, pointer in
          Tensor(
            shape: shape,
            elements: Array(UnsafeBufferPointer(start: pointer, count: shape.elementCount)))
        }[...]
        let inputs = node.inputs.map { id in
          id.flatMap { network.constant($0) ?? computed.popFirst() }
        }
        let output = try ReferenceOperators.evaluate(node, inputs, batch: images)
        output.elements.withUnsafeBufferPointer { elements in
          if let base = elements.baseAddress {
            operands[shapes.count].update(from: base, count: elements.count)
          }
        }
      })
    define(step.output, at: destination)
  }
}
