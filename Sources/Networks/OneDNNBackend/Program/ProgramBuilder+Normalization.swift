import COneDNN
import Execution
import NetworkGraph
import Tensors

/// Normalisations by stored statistics, by those of the batch and by those of each image.
extension ProgramBuilder {
  mutating func lower(
    _ operation: BatchNormalization, endsInRelu: Bool, _ step: FusedStep
  ) throws {
    let node = step.node
    let constants = node.inputs[1...].compactMap(network.constant)
    let source = try ordinaryPlace(of: step.inputs[0], node: node)
    let destination = destination(overwriting: source)
    let usesStored = options.batchNormalization == .inference
    let primitive = try Primitive.batchNormalization(
      source.layout, epsilon: operation.epsilon, usesStoredStatistics: usesStored,
      endsInRelu: endsInRelu, engine: engine, node: node.name)
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
      emitStatistics(mean, variance, channels: channels, node: step.nodes[0])
    }
    try define(step.output, at: destination)
  }

  private mutating func emitStatistics(
    _ mean: Place, _ variance: Place, channels: Int, node: Int
  ) {
    emit(kernel: "returned statistics", [mean.buffer, variance.buffer]) { operands, result in
      result.statistics[node] = ExecutionResult.ChannelStatistics(
        mean: Array(UnsafeBufferPointer(start: operands[0], count: channels)),
        variance: Array(UnsafeBufferPointer(start: operands[1], count: channels)))
    }
  }

  mutating func lower(_ operation: Normalization, of x: ValueID, _ step: FusedStep) throws {
    let node = step.node
    let parameters = (1...2).map { place in
      place < node.inputs.count ? node.inputs[place] : nil
    }
    guard operation.counted.isEmpty,
      parameters.allSatisfy({ $0 == nil || network.constant($0) != nil })
    else { return try lowerByReference(step) }
    let shape = shape(of: x)
    let axis = if case .layer(let axis) = operation.extent { axis } else { 1 }
    // Of a layer, one for each element; otherwise one for each channel.
    let extents = if case .layer = operation.extent { Array(shape[axis...]) } else { [shape[1]] }
    let vectors = parameters.map { network.constant($0)?.expanded(to: extents) }
    if case .layer = operation.extent, axis == shape.count - 1 {
      return try lowerLayerNormalization(operation, of: x, vectors, step)
    }
    let inner = shape[axis...].reduce(1, *)
    let area = shape.dropFirst(2).reduce(1, *)
    let count = extents.elementCount
    var normalization = RowNormalization(
      rows: shape[..<axis].reduce(1, *), segmentsPerRow: inner, segment: 1,
      epsilon: operation.epsilon,
      scales: vectors[0] ?? Array(repeating: 1, count: count),
      shifts: vectors[1] ?? Array(repeating: 0, count: count))
    switch operation.extent {
    case .layer: break
    case .instance:
      (normalization.rows, normalization.segmentsPerRow) = (shape[0] * shape[1], 1)
      normalization.segment = area
    case .group(let groups):
      (normalization.rows, normalization.segmentsPerRow) = (shape[0] * groups, shape[1] / groups)
      normalization.segment = area
    }
    let source = try rowMajorPlace(of: x, node: node)
    let destination = destination(overwriting: source)
    emit(kernel: "own loop", [source.buffer, destination.buffer]) { [normalization] operands, _ in
      normalization.run(from: operands[0], to: operands[1])
    }
    try define(step.output, at: destination)
  }

  /// Over the last axis.
  private mutating func lowerLayerNormalization(
    _ operation: Normalization, of x: ValueID, _ vectors: [[Float]?], _ step: FusedStep
  ) throws {
    let node = step.node
    let source = try rowMajorPlace(of: x, node: node)
    let destination = destination(overwriting: source)
    let shape = source.layout.shape
    // oneDNN wants two axes or more.
    let rows = try Layout(
      rowMajor: [shape.dropLast().reduce(1, *), shape[shape.count - 1]], node: node.name)
    let primitive = try Primitive.layerNormalization(
      rows, epsilon: operation.epsilon, hasScale: vectors[0] != nil, hasShift: vectors[1] != nil,
      engine: engine, node: node.name)
    var operands: [(Argument, Instruction.Operand)] = [
      (.source, .place(Place(buffer: source.buffer, layout: rows))),
      (.destination, .place(Place(buffer: destination.buffer, layout: rows))),
    ]
    for (role, vector) in zip([Argument.scale, .shift], vectors) {
      guard let vector else { continue }
      let tensor = Tensor(shape: [vector.count], elements: vector)
      operands.append((role, try weights.vector(tensor, role: role, of: step)))
    }
    try emit(primitive, operands)
    try define(step.output, at: destination)
  }

  mutating func lower(
    _ operation: LocalResponseNormalization, of x: ValueID, _ step: FusedStep
  ) throws {
    // oneDNN's window of an even size leans the other way than ONNX's.
    guard operation.size % 2 == 1 else { return try lowerByReference(step) }
    let source = try ordinaryPlace(of: x, node: step.node)
    let primitive = try Primitive.localResponseNormalization(
      operation, source.layout, engine: engine, node: step.node.name)
    let destination = makePlace(source.layout)
    try emit(primitive, [(.source, .place(source)), (.destination, .place(destination))])
    try define(step.output, at: destination)
  }

  mutating func lower(_ operation: Softmax, of x: ValueID, _ step: FusedStep) throws {
    let source = try ordinaryPlace(of: x, node: step.node)
    let destination = destination(overwriting: source)
    let primitive = try Primitive.softmax(
      source.layout, axis: operation.axis, isLogarithm: operation.isLogarithm, engine: engine,
      node: step.node.name)
    try emit(primitive, [(.source, .place(source)), (.destination, .place(destination))])
    try define(step.output, at: destination)
  }
}

extension Tensor {
  /// The elements repeated to a shape that this one broadcasts to, row-major.
  fileprivate func expanded(to shape: [Int]) -> [Float] {
    let padded = Array(repeating: 1, count: shape.count - rank) + self.shape
    let strides = padded.rowMajorStrides
    let offsets = shape.indices.reduce([0]) { offsets, axis in
      offsets.flatMap { offset in
        (0..<shape[axis]).map { offset + (padded[axis] == 1 ? 0 : $0 * strides[axis]) }
      }
    }
    return offsets.map { elements[$0] }
  }
}
