import COneDNN
import Execution
import NetworkGraph
import Tensors

/// Instructions with their arrays at fixed addresses of one arena.
final class Program {
  private enum Step {
    case primitive(Primitive, [dnnl_exec_arg_t])
    case kernel([Int], Instruction.Kernel)
    case output(ValueID, shape: [Int], Primitive, source: Memory, destination: Memory)
  }

  private let engine: Engine
  private let arena: Arena
  private let storage: AlignedStorage
  private var steps: [Step] = []
  /// Kept alive for the steps, which hold bare handles.
  private var memories: [Memory] = []
  private var constants: [AlignedStorage] = []
  /// Those that read the caller's input, which moves.
  private var inputs: [Memory] = []

  init(_ program: UnplacedProgram, engine: Engine) throws {
    self.engine = engine
    arena = Arena(sizes: program.bufferSizes, uses: program.instructions.map(\.buffers))
    storage = AlignedStorage(byteCount: arena.byteCount)
    for instruction in program.instructions { steps.append(try place(instruction)) }
  }

  func run(_ input: Tensor) throws -> ExecutionResult {
    try input.elements.withUnsafeBufferPointer { elements in
      guard let base = elements.baseAddress else {
        throw ExecutionError(.shapeMismatch, "an input without elements; bring one image or more")
      }
      // oneDNN takes no pointers to const; buffer 0 is only ever read.
      let pointer = UnsafeMutablePointer(mutating: base)
      for memory in inputs { try memory.bind(to: pointer) }
      var result = ExecutionResult(values: [:])
      for step in steps { try execute(step, input: pointer, into: &result) }
      return result
    }
  }

  private func execute(
    _ step: Step, input: UnsafeMutablePointer<Float>, into result: inout ExecutionResult
  ) throws {
    switch step {
    case .primitive(let primitive, let arguments): try primitive.execute(arguments, on: engine)
    case .kernel(let buffers, let kernel):
      let operands = buffers.map {
        $0 == 0 ? input : address($0).assumingMemoryBound(to: Float.self)
      }
      try kernel(operands, &result)
    case .output(let value, let shape, let reorder, let source, let destination):
      let elements = try [Float](unsafeUninitializedCapacity: shape.elementCount) {
        elements, count in
        guard let base = elements.baseAddress else { return }
        try destination.bind(to: base)
        try reorder.execute(
          [.init(.source, source), .init(.destination, destination)], on: engine)
        count = shape.elementCount
      }
      result.values[value] = Tensor(shape: shape, elements: elements)
    }
  }

  private func address(_ buffer: Int) -> UnsafeMutableRawPointer {
    storage.pointer + arena.offsets[buffer]
  }

  private func place(_ instruction: Instruction) throws -> Step {
    switch instruction {
    case .primitive(let primitive, let operands):
      let arguments = try operands.map { argument, operand in
        dnnl_exec_arg_t(argument, try memory(operand, node: primitive.node))
      }
      return .primitive(primitive, arguments)
    case .kernel(let buffers, let kernel): return .kernel(buffers, kernel)
    case .output(let value, let place, let shape):
      let target = try Layout(rowMajor: shape, node: "output")
      let reorder = try Primitive.reorder(
        from: place.layout, to: target, engine: engine, node: "output")
      return .output(
        value, shape: shape, reorder, source: try memory(.place(place), node: "output"),
        destination: try Memory(target, at: nil, engine: engine, node: "output"))
    }
  }

  private func memory(_ operand: Instruction.Operand, node: String) throws -> Memory {
    let memory: Memory
    switch operand {
    case .place(let place) where place.buffer == 0:
      memory = try Memory(place.layout, at: nil, engine: engine, node: node)
      inputs.append(memory)
    case .place(let place):
      memory = try Memory(place.layout, at: address(place.buffer), engine: engine, node: node)
    case .constant(let storage, let layout):
      memory = try Memory(layout, at: storage.pointer, engine: engine, node: node)
      constants.append(storage)
    }
    memories.append(memory)
    return memory
  }
}

extension dnnl_exec_arg_t {
  init(_ argument: Argument, _ memory: Memory) {
    self.init(arg: argument.rawValue, memory: memory.handle)
  }
}
