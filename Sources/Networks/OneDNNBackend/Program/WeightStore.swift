import COneDNN
import Execution
import NetworkGraph
import Tensors

/// Weights in the layouts that primitives chose; shared by a plan's programs.
final class WeightStore {
  private struct Key: Hashable {
    var step: ValueID
    var role: Argument
  }
  private var stored: [Key: [(layout: Layout, storage: AlignedStorage)]] = [:]
  private let engine: Engine

  init(engine: Engine) { self.engine = engine }

  /// The tensor's elements, which lie as `source` says, brought into a layout.
  func constant(
    _ tensor: Tensor, as source: Layout, in layout: Layout, role: Argument,
    of step: FusedStep
  ) throws -> Instruction.Operand {
    let node = step.node.name
    let key = Key(step: step.output, role: role)
    if let found = stored[key]?.first(where: { $0.layout == layout }) {
      return .constant(found.storage, layout)
    }
    let storage = AlignedStorage(byteCount: layout.byteCount)
    let target = try Memory(layout, at: storage.pointer, engine: engine, node: node)
    var elements = tensor.elements
    try elements.withUnsafeMutableBytes { bytes in
      let origin = try Memory(source, at: bytes.baseAddress, engine: engine, node: node)
      try Primitive.reorder(from: source, to: layout, engine: engine, node: node).execute(
        [
          dnnl_exec_arg_t(arg: Argument.source.rawValue, memory: origin.handle),
          dnnl_exec_arg_t(arg: Argument.destination.rawValue, memory: target.handle),
        ], on: engine)
    }
    stored[key, default: []].append((layout, storage))
    return .constant(storage, layout)
  }

  /// A vector as it is.
  func vector(
    _ tensor: Tensor, role: Argument, of step: FusedStep
  ) throws -> Instruction.Operand {
    let layout = try Layout(rowMajor: [tensor.count], node: step.node.name)
    return try constant(tensor, as: layout, in: layout, role: role, of: step)
  }
}
