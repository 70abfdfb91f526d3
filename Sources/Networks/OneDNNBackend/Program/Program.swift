import COneDNN
import Dispatch
import Execution
import NetworkGraph
import Tensors

/// Instructions with their arrays at fixed addresses of one arena, but for the caller's: inputs are
/// read, and results written, where the caller has them.
final class Program {
  private enum Step {
    case primitive(Primitive, [dnnl_exec_arg_t])
    case kernel([Int], Instruction.Kernel)
    case output(Returned, Primitive, source: Memory, destination: Memory)
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
  /// Buffers that become results.
  private let results: [Int: Returned]
  /// By buffer of the caller's, which move: the memories there.
  private var moving: [Int: [Memory]]
  /// What computes each executed node.
  let executions: [NodeExecution]

  /// Where the caller's buffers are.
  private typealias Pointers = [Int: UnsafeMutablePointer<Float>]

  init(_ program: UnplacedProgram, engine: Engine) throws {
    self.engine = engine
    executions = program.executions
    owners = program.owners
    results = program.results
    moving = Dictionary(
      uniqueKeysWithValues: (Array(0..<program.inputCount) + program.results.keys).map { ($0, []) })
    arena = Arena(
      sizes: program.bufferSizes.enumerated().map { program.results[$0] == nil ? $1 : 0 },
      uses: program.instructions.map(\.buffers), inputCount: program.inputCount)
    storage = AlignedStorage(byteCount: arena.byteCount)
    for instruction in program.instructions { steps.append(try place(instruction)) }
  }

  func run(_ inputs: [Tensor]) throws -> ExecutionResult { try run(inputs[...], [:]) }

  /// Nanoseconds of every step, by its first node.
  func nodeTimes(_ inputs: [Tensor]) throws -> [Int: Int64] {
    times = [:]
    defer { times = nil }
    _ = try run(inputs)
    return times ?? [:]
  }

  /// Pins one input after the other, then runs.
  private func run(
    _ rest: ArraySlice<Tensor>, _ pointers: Pointers
  ) throws -> ExecutionResult {
    guard let input = rest.first else {
      return try run(writing: Array(results)[...], pointers)
    }
    return try input.elements.withUnsafeBufferPointer { elements in
      guard let base = elements.baseAddress else {
        throw ExecutionError(.shapeMismatch, "an input without elements; bring one image or more")
      }
      var pointers = pointers
      // oneDNN takes no pointers to const; the caller's buffers are only ever read.
      pointers[rest.startIndex] = UnsafeMutablePointer(mutating: base)
      return try run(rest.dropFirst(), pointers)
    }
  }

  /// Makes room for one result after the other, then runs.
  private func run(
    writing rest: ArraySlice<(key: Int, value: Returned)>, _ pointers: Pointers
  ) throws -> ExecutionResult {
    guard let (buffer, result) = rest.first else { return try run(pointers) }
    var others = ExecutionResult(values: [:])
    let count = result.shape.elementCount
    let elements = try [Float](unsafeUninitializedCapacity: count) { elements, filled in
      var pointers = pointers
      pointers[buffer] = elements.baseAddress
      others = try run(writing: rest.dropFirst(), pointers)
      filled = count
    }
    others.values[result.value] = Tensor(shape: result.shape, elements: elements)
    return others
  }

  private func run(_ pointers: Pointers) throws -> ExecutionResult {
    for (buffer, memories) in moving {
      for memory in memories { try memory.bind(to: pointers[buffer] ?? address(buffer)) }
    }
    var result = ExecutionResult(values: [:])
    for (place, step) in steps.enumerated() {
      let start = times == nil ? 0 : DispatchTime.now().uptimeNanoseconds
      try execute(step, pointers, into: &result)
      if times != nil, owners[place] >= 0 {
        let time = DispatchTime.now().uptimeNanoseconds - start
        times?[owners[place], default: 0] += Int64(time)
      }
    }
    return result
  }

  private func execute(
    _ step: Step, _ pointers: Pointers, into result: inout ExecutionResult
  ) throws {
    switch step {
    case .primitive(let primitive, let arguments): try primitive.execute(arguments, on: engine)
    case .kernel(let buffers, let kernel):
      try kernel(buffers.map { pointers[$0] ?? address($0) }, &result)
    case .output(let returned, let reorder, let source, let destination):
      let count = returned.shape.elementCount
      let elements = try [Float](unsafeUninitializedCapacity: count) { buffer, filled in
        if let base = buffer.baseAddress {
          try destination.bind(to: base)
          try reorder.execute(
            [.init(.source, source), .init(.destination, destination)], on: engine)
        }
        filled = count
      }
      result.values[returned.value] = Tensor(shape: returned.shape, elements: elements)
    }
  }

  /// In the arena.
  private func address(_ buffer: Int) -> UnsafeMutablePointer<Float> {
    (storage.pointer + arena.offsets[buffer]).assumingMemoryBound(to: Float.self)
  }

  private func place(_ instruction: Instruction) throws -> Step {
    switch instruction {
    case .primitive(let primitive, let operands):
      let arguments = try operands.map { argument, operand in
        dnnl_exec_arg_t(argument, try memory(operand, node: primitive.node))
      }
      return .primitive(primitive, arguments)
    case .kernel(let buffers, let kernel): return .kernel(buffers, kernel)
    case .output(let returned, let place, let target):
      let reorder = try Primitive.reorder(
        from: place.layout, to: target, engine: engine, node: "output")
      return .output(
        returned, reorder, source: try memory(.place(place), node: "output"),
        destination: try Memory(target, at: nil, engine: engine, node: "output"))
    }
  }

  private func memory(_ operand: Instruction.Operand, node: String) throws -> Memory {
    let memory: Memory
    switch operand {
    case .place(let place) where moving[place.buffer] != nil:
      memory = try Memory(place.layout, at: nil, engine: engine, node: node)
      moving[place.buffer]?.append(memory)
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
