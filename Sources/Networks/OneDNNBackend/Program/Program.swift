import COneDNN
import Dispatch
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
  /// By step: the first node it computes.
  private let owners: [Int]
  /// Nanoseconds by owner, while they are asked for.
  private var times: [Int: Int64]?
  /// Kept alive for the steps, which hold bare handles.
  private var memories: [Memory] = []
  private var constants: [AlignedStorage] = []
  /// Those that read the caller's inputs, which move; by buffer.
  private var inputs: [[Memory]]
  /// What computes each executed node.
  let executions: [NodeExecution]

  init(_ program: UnplacedProgram, engine: Engine) throws {
    self.engine = engine
    executions = program.executions
    owners = program.owners
    inputs = Array(repeating: [], count: program.inputCount)
    arena = Arena(
      sizes: program.bufferSizes, uses: program.instructions.map(\.buffers),
      inputCount: program.inputCount)
    storage = AlignedStorage(byteCount: arena.byteCount)
    for instruction in program.instructions { steps.append(try place(instruction)) }
  }

  /// Bytes of all activations together.
  var arenaByteCount: Int { arena.byteCount }

  func run(_ inputs: [Tensor]) throws -> ExecutionResult { try run(inputs[...], []) }

  /// Nanoseconds of every step, by its first node.
  func nodeTimes(_ inputs: [Tensor]) throws -> [Int: Int64] {
    times = [:]
    defer { times = nil }
    _ = try run(inputs)
    return times ?? [:]
  }

  /// Pins one input after the other, then runs.
  private func run(
    _ rest: ArraySlice<Tensor>, _ pointers: [UnsafeMutablePointer<Float>]
  ) throws -> ExecutionResult {
    guard let input = rest.first else { return try run(pointers) }
    return try input.elements.withUnsafeBufferPointer { elements in
      guard let base = elements.baseAddress else {
        throw ExecutionError(.shapeMismatch, "an input without elements; bring one image or more")
      }
      // oneDNN takes no pointers to const; the caller's buffers are only ever read.
      return try run(rest.dropFirst(), pointers + [UnsafeMutablePointer(mutating: base)])
    }
  }

  private func run(_ inputs: [UnsafeMutablePointer<Float>]) throws -> ExecutionResult {
    for (memories, pointer) in zip(self.inputs, inputs) {
      for memory in memories { try memory.bind(to: pointer) }
    }
    var result = ExecutionResult(values: [:])
    for (place, step) in steps.enumerated() {
      let start = times == nil ? 0 : DispatchTime.now().uptimeNanoseconds
      try execute(step, inputs: inputs, into: &result)
      if times != nil, owners[place] >= 0 {
        let time = DispatchTime.now().uptimeNanoseconds - start
        times?[owners[place], default: 0] += Int64(time)
      }
    }
    return result
  }

  private func execute(
    _ step: Step, inputs: [UnsafeMutablePointer<Float>], into result: inout ExecutionResult
  ) throws {
    switch step {
    case .primitive(let primitive, let arguments): try primitive.execute(arguments, on: engine)
    case .kernel(let buffers, let kernel):
      let operands = buffers.map {
        $0 < inputs.count ? inputs[$0] : address($0).assumingMemoryBound(to: Float.self)
      }
      try kernel(operands, &result)
    case .output(let value, let shape, let reorder, let source, let destination):
      let count = shape.elementCount
      let elements = try [Float](unsafeUninitializedCapacity: count) { buffer, filled in
        if let base = buffer.baseAddress {
          try destination.bind(to: base)
          try reorder.execute(
            [.init(.source, source), .init(.destination, destination)], on: engine)
        }
        filled = count
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
    case .place(let place) where place.buffer < inputs.count:
      memory = try Memory(place.layout, at: nil, engine: engine, node: node)
      inputs[place.buffer].append(memory)
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
