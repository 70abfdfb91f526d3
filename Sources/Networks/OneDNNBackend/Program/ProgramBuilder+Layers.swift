import COneDNN
import Execution
import NetworkGraph
import Tensors

/// Operations with weights, what follows them fused in.
extension ProgramBuilder {
  mutating func lower(_ layer: FusedLayer, _ step: FusedStep) throws {
    switch layer.kind {
    case .convolution(let operation):
      let weight = groupedLayout(layer.weight.shape, operation.groups)
      let primitive = try Primitive.convolution(
        operation, source: shape(of: step.inputs[0]), weights: weight.shape,
        hasBias: layer.bias != nil, destination: shape(of: step.output),
        try attributes(of: layer, step), engine: engine, node: step.node.name)
      try lower(layer, primitive, weight: weight, step)
    case .transposedConvolution(let operation):
      // ONNX has inputs before outputs; oneDNN's weights are the same bytes read the other way.
      var weight = groupedLayout(layer.weight.shape, operation.groups)
      let axis = operation.groups > 1 ? 1 : 0
      weight.shape.swapAt(axis, axis + 1)
      weight.strides.swapAt(axis, axis + 1)
      let primitive = try Primitive.transposedConvolution(
        operation, source: shape(of: step.inputs[0]), weights: weight.shape,
        hasBias: layer.bias != nil, destination: shape(of: step.output),
        try attributes(of: layer, step), engine: engine, node: step.node.name)
      try lower(layer, primitive, weight: weight, step)
    case .product(let transposesWeight):
      try lowerProduct(layer, transposesWeight: transposesWeight, step)
    }
  }

  private func attributes(of layer: FusedLayer, _ step: FusedStep) throws -> Attributes {
    try Attributes(
      addsDestination: layer.addend != nil, elementwise: layer.functions, node: step.node.name)
  }

  /// `[A, B, …]` as it lies in the file, or `[G, A/G, B, …]`.
  private func groupedLayout(_ shape: [Int], _ groups: Int) -> (shape: [Int], strides: [Int]) {
    var shape = shape
    if groups > 1 {
      shape[0] /= groups
      shape.insert(groups, at: 0)
    }
    return (shape, shape.rowMajorStrides)
  }

  /// A convolution of either kind, in the layouts that it chose.
  private mutating func lower(
    _ layer: FusedLayer, _ primitive: Primitive, weight: (shape: [Int], strides: [Int]),
    _ step: FusedStep
  ) throws {
    let node = step.node
    let source = try place(of: step.inputs[0], in: primitive.layout(.source), node: node)
    let layout = try primitive.layout(.destination)
    let destination =
      if let addend = layer.addend {
        try writablePlace(of: addend, in: layout, others: [source], node: node)
      } else {
        makePlace(layout)
      }
    let stored = try Layout(rowMajor: weight.shape, strides: weight.strides, node: node.name)
    try emit(
      primitive,
      [(.source, .place(source)), (.destination, .place(destination))]
        + operands(of: layer, weight: stored, primitive, step))
    try define(step.output, at: destination)
  }

  private func operands(
    of layer: FusedLayer, weight stored: Layout, _ primitive: Primitive, _ step: FusedStep
  ) throws -> [(Argument, Instruction.Operand)] {
    var operands: [(Argument, Instruction.Operand)] = [
      (
        .weights,
        try weights.constant(
          layer.weight, as: stored, in: primitive.layout(.weights), role: .weights, of: step)
      )
    ]
    if let bias = layer.bias {
      let vector = Tensor(shape: [bias.count], elements: bias)
      operands.append((.bias, try weights.vector(vector, role: .bias, of: step)))
    }
    return operands
  }

  /// Rows of any number of axes times a matrix.
  private mutating func lowerProduct(
    _ layer: FusedLayer, transposesWeight: Bool, _ step: FusedStep
  ) throws {
    let node = step.node
    let input = shape(of: step.inputs[0])
    let depth = input.last ?? 1
    let rows = input.elementCount / depth
    let source = try rowMajorPlace(of: step.inputs[0], node: node)
    let from = try Layout(rowMajor: [rows, depth], node: node.name)
    let to = try Layout(rowMajor: [rows, layer.outputs], node: node.name)
    let primitive = try Primitive.innerProduct(
      source: from, outputs: layer.outputs, hasBias: layer.bias != nil, destination: to,
      try attributes(of: layer, step), engine: engine, node: node.name)
    let result = try Layout(rowMajor: shape(of: step.output), node: node.name)
    let destination =
      if let addend = layer.addend {
        try writablePlace(of: addend, in: result, others: [source], node: node)
      } else {
        makePlace(result)
      }
    let stored = try Layout(
      rowMajor: [layer.outputs, depth], strides: transposesWeight ? nil : [1, layer.outputs],
      node: node.name)
    try emit(
      primitive,
      [
        (.source, .place(Place(buffer: source.buffer, layout: from))),
        (.destination, .place(Place(buffer: destination.buffer, layout: to))),
      ] + operands(of: layer, weight: stored, primitive, step))
    try define(step.output, at: destination)
  }

  /// The product of two activations, or with a constant that is no single matrix.
  mutating func lowerMatrixProduct(_ step: FusedStep) throws {
    let node = step.node
    guard let a = node.inputs[0], let b = node.inputs[1] else { return try lowerByReference(step) }
    var (left, right) = (shape(of: a), shape(of: b))
    if left.count == 1 { left.insert(1, at: 0) }
    if right.count == 1 { right.append(1) }
    let rank = max(left.count, right.count)
    left = Array(repeating: 1, count: rank - left.count) + left
    right = Array(repeating: 1, count: rank - right.count) + right
    let outer = zip(left.dropLast(2), right.dropLast(2)).map { max($0, $1) }
    let product = outer + [left[rank - 2], right[rank - 1]]

    let first = try matrixPlace(of: a, shape: left, node: node)
    let second = try matrixPlace(of: b, shape: right, node: node)
    let layout = try Layout(rowMajor: product, node: node.name)
    let primitive = try Primitive.matrixProduct(
      first.layout, second.layout, destination: layout, try Attributes(node: node.name),
      engine: engine, node: node.name)
    let destination = makePlace(layout)
    try emit(
      primitive,
      [(.source, .place(first)), (.weights, .place(second)), (.destination, .place(destination))])
    let result = try Layout(rowMajor: shape(of: step.output), node: node.name)
    try define(step.output, at: Place(buffer: destination.buffer, layout: result))
  }

  /// A factor as matrices; transposed ones, which a Transpose has left as a view, are taken as such.
  private mutating func matrixPlace(
    of value: ValueID, shape: [Int], node: Node
  ) throws -> Place {
    let current = try place(of: value, node: node)
    let rank = current.layout.shape.count
    let swapped = Array(0..<max(0, rank - 2)) + [rank - 1, rank - 2]
    if current.layout.shape == shape, rank >= 2, current.layout.isPlain,
      try current.layout.permuted(swapped, node: node.name)
        == Layout(rowMajor: swapped.map { shape[$0] }, node: node.name)
    {
      return current
    }
    let source = try rowMajorPlace(of: value, node: node)
    return Place(buffer: source.buffer, layout: try Layout(rowMajor: shape, node: node.name))
  }
}
