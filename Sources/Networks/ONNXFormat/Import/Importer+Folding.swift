import NetworkGraph
import ONNXSchema

/// Evaluation at import: what depends on constants and on shapes alone is computed once, here.
extension Importer {
  /// The node's values, where they are constant; nil where the network has to compute it.
  mutating func folded(_ node: NodeReader) throws -> [ConstantValue]? {
    switch node.type {
    case "Constant": return [try literal(node)]
    case "Shape": return [try shape(node)]
    case "Size": return [try size(node)]
    default: break
    }
    var inputs: [ConstantValue?] = []
    for index in node.proto.input.indices {
      switch symbol(node, index) {
      case .constant(let value)?: inputs.append(value)
      case nil where node.input(index) == nil: inputs.append(nil)
      default: return nil
      }
    }
    guard let first = inputs.first ?? nil else { return nil }
    let evaluation = Evaluation(node: node, inputs: inputs, first: first, tensors: tensors)
    if node.type == "DequantizeLinear" { notes.recordQuantised() }
    do {
      return try evaluation.results()
    } catch let error as ONNXError where !error.message.hasPrefix(node.path) {
      throw error.prefixed(by: node.path)
    }
  }

  private mutating func literal(_ node: NodeReader) throws -> ConstantValue {
    if let tensor = try node.tensor("value") {
      notes.record(tensor)
      do {
        return try tensors.read(tensor)
      } catch let error as ONNXError {
        throw error.prefixed(by: node.path)
      }
    }
    if let floats = try node.numbers("value_floats") {
      return ConstantValue(shape: [floats.count], floats: floats)
    }
    if let integers = try node.integers("value_ints") {
      return ConstantValue(integers.map(Dimension.fixed))
    }
    if node.has("value_float") {
      return ConstantValue(shape: [], floats: [try node.number("value_float", default: 0)])
    }
    if node.has("value_int") {
      let integer = try node.integer("value_int", default: 0)
      return ConstantValue(shape: [], integers: [.fixed(integer)])
    }
    throw node.failure(.unsupported, "its value must be a dense tensor of numbers")
  }

  private func shape(_ node: NodeReader) throws -> ConstantValue {
    let dimensions: [Dimension]
    switch symbol(node, 0) {
    case .activation(let id)?: dimensions = draft[id].shape.dimensions
    case .constant(let value)?: dimensions = value.shape.map(Dimension.fixed)
    case nil: throw node.failure(.invalidGraph, "its input is missing")
    }
    let rank = dimensions.count
    func clamped(_ axis: Int) -> Int { min(max(axis < 0 ? axis + rank : axis, 0), rank) }
    let start = clamped(try node.integer("start", default: 0))
    let end = clamped(try node.integer("end", default: rank))
    return ConstantValue(Array(dimensions[start..<max(start, end)]))
  }

  /// The number of elements.
  private func size(_ node: NodeReader) throws -> ConstantValue {
    let dimensions = try shape(node).dimensions ?? []
    let extents = dimensions.map(\.perImage)
    guard let count = ConstantValue.count(of: extents) else {
      throw node.failure(.invalidGraph, "its input of shape \(extents) is too large")
    }
    guard dimensions.contains(where: \.isBatch) else {
      return ConstantValue(shape: [], integers: [.fixed(count)])
    }
    return ConstantValue(shape: [], integers: [.batched(count)])
  }
}
