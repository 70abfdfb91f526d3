import COneDNN
import Execution
import NetworkGraph
import Tensors

/// Elementwise operators.
extension ProgramBuilder {
  /// One function after the other, in place from the second on.
  mutating func lower(_ functions: [ElementwiseFunction], _ step: FusedStep) throws {
    let source = try densePlace(of: step.inputs[0], node: step.node)
    let destination = destination(overwriting: source)
    try apply(functions, from: source, to: destination, node: step.node)
    try define(step.output, at: destination)
  }

  /// Applies functions to an array, in place or not.
  mutating func apply(
    _ functions: [ElementwiseFunction], from source: Place, to destination: Place, node: Node
  ) throws {
    var source = source
    for function in functions {
      let primitive = try Primitive.elementwise(
        function, source.layout, engine: engine, node: node.name)
      try emit(primitive, [(.source, .place(source)), (.destination, .place(destination))])
      source = destination
    }
  }

  /// Where a value lies without gaps, in any order.
  private mutating func densePlace(of value: ValueID, node: Node) throws -> Place {
    let place = try place(of: value, node: node)
    let isDense = try place.layout.isOrdinary(node: node.name) || place.layout.isPlain
    return isDense ? place : try rowMajorPlace(of: value, node: node)
  }

  /// A function that oneDNN lacks.
  mutating func lower(_ activation: Activation, of x: ValueID, _ step: FusedStep) throws {
    var source = try densePlace(of: x, node: step.node)
    // What rounds blocks up must stay 0.
    if !source.layout.isPlain { source = try rowMajorPlace(of: x, node: step.node) }
    let destination = destination(overwriting: source)
    guard apply(activation, from: source, to: destination) else {
      return try lowerByReference(step)
    }
    try define(step.output, at: destination)
  }

  /// Applies a function of our own to a plain array, in place or not.
  ///
  /// - Returns: Whether there is one.
  mutating func apply(
    _ activation: Activation, from source: Place, to destination: Place
  ) -> Bool {
    guard let loop = ElementMap.loop(activation) else { return false }
    let count = source.layout.storedCount
    emit(kernel: "own loop", [source.buffer, destination.buffer]) { operands, _ in
      loop(operands[0], operands[1], count)
    }
    return true
  }

  mutating func lowerParametricRelu(of x: ValueID, _ step: FusedStep) throws {
    let node = step.node
    guard let slopes = node.inputs[1] else { return try lowerByReference(step) }
    let source = try ordinaryPlace(of: x, node: node)
    let second = try broadcastOperand(slopes, as: source.layout, step)
    let destination = destination(overwriting: source)
    let primitive = try Primitive.parametricRelu(
      source.layout, slopes: second.layout, engine: engine, node: node.name)
    try emit(
      primitive,
      [(.source, .place(source)), (.weights, second), (.destination, .place(destination))])
    try define(step.output, at: destination)
  }

  /// Two values with broadcasting, then functions of the result.
  mutating func lower(
    _ operation: Elementwise, _ functions: [ElementwiseFunction], _ step: FusedStep
  ) throws {
    let node = step.node
    guard let a = node.inputs[0], let b = node.inputs[1],
      let algorithm = Self.algorithm(operation), !step.inputs.isEmpty
    else { return try lowerByReference(step) }
    let output = shape(of: node.output)
    let isFull = [a, b].map { shape(of: $0) == output && network.constant($0) == nil }
    if isFull[0] {
      return try lower(algorithm, a, b, functions, step)
    }
    // b − a would have to be negated, which is a function of its own; the others commute.
    if isFull[1], operation != .divide, operation != .subtract {
      return try lower(algorithm, b, a, functions, step)
    }
    let expanded = try expandedPlace(of: a, to: output, step)
    let second = try broadcastOperand(b, as: expanded.layout, step)
    try lower(algorithm, expanded, second, to: expanded, functions, step)
  }

  /// The first operand has the shape of the result.
  private mutating func lower(
    _ algorithm: dnnl_alg_kind_t, _ a: ValueID, _ b: ValueID, _ functions: [ElementwiseFunction],
    _ step: FusedStep
  ) throws {
    var first = try ordinaryPlace(of: a, node: step.node)
    var second = try broadcastOperand(b, as: first.layout, step)
    if case .place(let other) = second, other.layout == first.layout, !isFree(first.buffer),
      algorithm != dnnl_binary_sub, algorithm != dnnl_binary_div
    {
      (first, second) = (other, .place(first))
    }
    let destination =
      first.buffer == second.buffer ? makePlace(first.layout) : destination(overwriting: first)
    try lower(algorithm, first, second, to: destination, functions, step)
  }

  private mutating func lower(
    _ algorithm: dnnl_alg_kind_t, _ first: Place, _ second: Instruction.Operand,
    to destination: Place, _ functions: [ElementwiseFunction], _ step: FusedStep
  ) throws {
    let joins = first.layout.takesPostOperations
    let primitive = try Primitive.binary(
      algorithm, first.layout, second.layout, then: joins ? functions : [], engine: engine,
      node: step.node.name)
    try emit(
      primitive,
      [(.source, .place(first)), (.secondSource, second), (.destination, .place(destination))])
    if !joins { try apply(functions, from: destination, to: destination, node: step.node) }
    try define(step.output, at: destination)
  }

  /// An operand that broadcasts to an array: in its layout where the shapes are equal, row-major
  /// with axes of extent 1 in front otherwise.
  private mutating func broadcastOperand(
    _ value: ValueID, as other: Layout, _ step: FusedStep
  ) throws -> Instruction.Operand {
    let own = shape(of: value)
    let padded = Array(repeating: 1, count: other.shape.count - own.count) + own
    let layout =
      padded == other.shape
      ? other : try Layout(rowMajor: padded, node: step.node.name)
    if let constant = network.constant(value) {
      return try weights.constant(
        constant, as: try Layout(rowMajor: padded, node: step.node.name), in: layout,
        role: .secondSource, of: step)
    }
    if own.count == padded.count {
      return .place(try place(of: value, in: layout, node: step.node))
    }
    let source = try rowMajorPlace(of: value, node: step.node)
    return .place(Place(buffer: source.buffer, layout: layout))
  }

  private static func algorithm(_ operation: Elementwise) -> dnnl_alg_kind_t? {
    switch operation {
    case .add: dnnl_binary_add
    case .subtract: dnnl_binary_sub
    case .multiply: dnnl_binary_mul
    case .divide: dnnl_binary_div
    case .minimum: dnnl_binary_min
    case .maximum: dnnl_binary_max
    case .power: nil
    }
  }
}
