import Execution
import NetworkGraph
import Tensors

/// Turns steps into instructions for a given number of images.
///
/// It knows where each value lies (perhaps in several layouts) and who still reads it, so that a
/// step may write over what nobody needs.
struct ProgramBuilder {
  let network: Network
  let options: ExecutionOptions
  let images: Int
  let engine: Engine
  let weights: WeightStore

  private let steps: [FusedStep]
  private let returned: Set<ValueID>
  private var instructions: [Instruction] = []
  /// By instruction: the first node of its step.
  private var owners: [Int] = []
  private var bufferSizes: [Int]
  private var places: [ValueID: [Place]] = [:]
  /// Buffers that the caller is given.
  private var results: [Int: Returned] = [:]
  /// The values that lie in each buffer.
  private var holdings: [Int: Set<ValueID>] = [:]
  /// Steps yet to come that read each value.
  private var readersLeft: [ValueID: Int] = [:]
  /// What computes the step at hand.
  private var notes: [String] = []
  private var executions: [NodeExecution] = []

  init(
    network: Network, options: ExecutionOptions, steps: [FusedStep], images: Int, engine: Engine,
    weights: WeightStore
  ) {
    self.network = network
    self.options = options
    self.steps = steps
    self.images = images
    self.engine = engine
    self.weights = weights
    bufferSizes = network.inputs.map { _ in 0 }
    returned = Set(options.returnedValues(of: network))
    for step in steps { for input in step.inputs { readersLeft[input, default: 0] += 1 } }
  }

  /// The program.
  ///
  /// - Throws: ``ExecutionError`` naming the node that cannot be computed.
  mutating func build() throws -> UnplacedProgram {
    for (buffer, value) in network.inputs.enumerated() {
      try define(value, at: Place(buffer: buffer, layout: callersLayout(of: value)))
    }
    owners = instructions.map { _ in -1 }
    for step in steps {
      for input in step.inputs { readersLeft[input, default: 0] -= 1 }
      notes = []
      do {
        try lower(step)
      } catch let error as ExecutionError where error.code == .unsupported {
        notes = []
        try lowerByReference(step)
      }
      record(step)
      owners += [Int](repeating: step.nodes[0], count: instructions.count - owners.count)
    }
    return UnplacedProgram(
      instructions: instructions, owners: owners, inputCount: network.inputs.count,
      bufferSizes: bufferSizes, results: results,
      executions: executions.sorted { $0.node < $1.node })
  }

  /// Says what computes the nodes of a step: its first one, and with it the others.
  private mutating func record(_ step: FusedStep) {
    let computedBy = notes.isEmpty ? "onednn view" : notes.joined(separator: ", then ")
    for node in step.nodes {
      executions.append(
        NodeExecution(
          node: node, computedBy: computedBy, fusedInto: node == step.nodes[0] ? nil : step.nodes[0]
        ))
    }
  }

  /// The extents of a value for this number of images.
  func shape(of value: ValueID) -> [Int] { network[value].shape.resolved(batch: images) }

  /// Adds a loop of our own, under the name that people read.
  mutating func emit(
    kernel name: String, _ buffers: [Int], _ kernel: @escaping Instruction.Kernel
  ) {
    notes.append(name)
    instructions.append(.kernel(buffers, kernel))
  }

  /// Adds a primitive, with the scratchpad it asks for.
  mutating func emit(
    _ primitive: Primitive, _ operands: [(Argument, Instruction.Operand)]
  ) throws {
    var operands = operands
    let scratchpad = try primitive.layout(.scratchpad)
    if scratchpad.byteCount > 0 {
      operands.append((.scratchpad, .place(makePlace(scratchpad))))
    }
    notes.append("onednn \(primitive.kind) (\(primitive.implementation))")
    instructions.append(.primitive(primitive, operands))
  }

  /// A new buffer in a layout.
  mutating func makePlace(_ layout: Layout) -> Place {
    bufferSizes.append(layout.byteCount)
    return Place(buffer: bufferSizes.count - 1, layout: layout)
  }

  /// A new row-major buffer for a value.
  mutating func makeRowMajorPlace(for value: ValueID, node: Node) throws -> Place {
    makePlace(try Layout(rowMajor: shape(of: value), node: node.name))
  }

  /// How a value lies that the caller brings or is given.
  private func callersLayout(of value: ValueID) throws -> Layout {
    let order = options.channelOrder
    return try Layout(
      shape(of: value), order.isKept(for: network[value].shape) ? order : .first,
      node: network[value].name)
  }

  /// Records where a step left its value, and returns the value to the caller if it is wanted: in its
  /// buffer if that lies as the caller wants it and is not given away yet, otherwise as a copy.
  mutating func define(_ value: ValueID, at place: Place) throws {
    places[value] = [place]
    holdings[place.buffer, default: []].insert(value)
    guard returned.contains(value) else { return }
    let layout = try callersLayout(of: value)
    let result = Returned(
      value: value, shape: options.channelOrder.extents(of: network[value].shape, images: images))
    if place.buffer >= network.inputs.count, place.layout == layout,
      bufferSizes[place.buffer] == layout.byteCount, results[place.buffer] == nil
    {
      results[place.buffer] = result
    } else {
      instructions.append(.output(result, place, layout))
    }
  }

  /// Where a value lies, in whatever layout it was computed.
  mutating func place(of value: ValueID, node: Node) throws -> Place {
    if let place = places[value]?.first { return place }
    if let constant = network.constant(value) { return try materialise(constant, value, node) }
    throw ExecutionError(
      .shapeMismatch,
      "node \"\(node.name)\" reads \"\(network[value].name)\" before it is computed; sort the nodes"
    )
  }

  /// A constant copied into a buffer, for kernels that read buffers alone.
  private mutating func materialise(
    _ constant: Tensor, _ value: ValueID, _ node: Node
  ) throws -> Place {
    let place = makePlace(try Layout(rowMajor: constant.shape, node: node.name))
    instructions.append(
      .kernel([place.buffer]) { operands, _ in
        constant.elements.withUnsafeBufferPointer { elements in
          if let base = elements.baseAddress {
            operands[0].update(from: base, count: elements.count)
          }
        }
      })
    return place
  }

  /// Where a value lies in a layout; brought there if it does not yet.
  mutating func place(of value: ValueID, in layout: Layout, node: Node) throws -> Place {
    if let place = places[value]?.first(where: { $0.layout == layout }) { return place }
    let source = try place(of: value, node: node)
    if source.layout == layout { return source }
    let copy = try copy(of: source, in: layout, node: node)
    guard network.constant(value) == nil else { return copy }
    places[value, default: []].append(copy)
    holdings[copy.buffer] = [value]
    return copy
  }

  /// Where a value lies row-major.
  mutating func rowMajorPlace(of value: ValueID, node: Node) throws -> Place {
    try place(of: value, in: try Layout(rowMajor: shape(of: value), node: node.name), node: node)
  }

  /// Where a value lies in an arrangement that kernels are fast on; row-major if in none yet.
  mutating func ordinaryPlace(of value: ValueID, node: Node) throws -> Place {
    for place in places[value] ?? [] where try place.layout.isOrdinary(node: node.name) {
      return place
    }
    return try rowMajorPlace(of: value, node: node)
  }

  /// A copy of a value that may be written over.
  mutating func copy(of value: ValueID, in layout: Layout, node: Node) throws -> Place {
    let source = try place(of: value, node: node)
    return try copy(of: source, in: layout, node: node)
  }

  /// A copy of an array in another layout.
  mutating func copy(of source: Place, in layout: Layout, node: Node) throws -> Place {
    let copy = makePlace(layout)
    if source.layout == layout {
      // The library goes through single elements.
      let count = layout.byteCount / MemoryLayout<Float>.size
      emit(kernel: "copy", [source.buffer, copy.buffer]) { operands, _ in
        operands[1].update(from: operands[0], count: count)
      }
      return copy
    }
    let reorder = try Primitive.reorder(
      from: source.layout, to: layout, engine: engine, node: node.name)
    try emit(reorder, [(.source, .place(source)), (.destination, .place(copy))])
    return copy
  }

  /// A place with a value's elements in a layout that may be written over: its own where nobody
  /// needs it after this step, otherwise a copy.
  ///
  /// - Parameter others: Places that the same instruction reads.
  mutating func writablePlace(
    of value: ValueID, in layout: Layout, others: [Place] = [], node: Node
  ) throws -> Place {
    if let place = places[value]?.first(where: { $0.layout == layout }), isFree(place.buffer),
      !others.contains(where: { $0.buffer == place.buffer })
    {
      return place
    }
    return try copy(of: value, in: layout, node: node)
  }

  /// Where an elementwise step may write its result: over its operand, or a new place.
  mutating func destination(overwriting place: Place) -> Place {
    isFree(place.buffer) ? place : makePlace(place.layout)
  }

  /// Whether nobody needs a buffer's values after this step.
  func isFree(_ buffer: Int) -> Bool {
    buffer >= network.inputs.count && results[buffer] == nil
      && (holdings[buffer] ?? []).allSatisfy { (readersLeft[$0] ?? 0) == 0 }
  }
}
