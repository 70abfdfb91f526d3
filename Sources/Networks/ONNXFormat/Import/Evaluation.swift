import NetworkGraph
import ONNXSchema

/// One node computed from constants.
struct Evaluation {
  let node: NodeReader
  /// Nil where an optional input is left out.
  let inputs: [ConstantValue?]
  let first: ConstantValue
  let tensors: TensorReader

  /// The values; nil where the operator is none of those evaluated at import.
  func results() throws -> [ConstantValue]? {
    if node.type == "Split" { return try split() }
    return try result().map { [$0] }
  }

  private func result() throws -> ConstantValue? {
    switch node.type {
    case "Identity", "Dropout": return first
    case "Cast": return try cast(to: node.integer("to", default: 0))
    case "Concat": return try concatenation()
    case "ConstantOfShape": return try filled()
    case "DequantizeLinear": return try dequantised()
    case "Expand": return try expanded()
    case "Flatten": return try flattened()
    case "Gather": return try gathered()
    case "Range": return try range()
    case "Reshape": return try reshaped()
    case "Size": return ConstantValue(shape: [], integers: [.fixed(first.count)])
    case "Slice": return try sliced()
    case "Squeeze": return try squeezed()
    case "Tile": return try tiled()
    case "Transpose": return try transposed()
    case "Unsqueeze": return try unsqueezed()
    case "Where": return try selected()
    default: return try computed()
    }
  }

  func input(_ index: Int) -> ConstantValue? {
    inputs.indices.contains(index) ? inputs[index] : nil
  }

  /// Integers from an input; nil where it is left out.
  func integers(_ index: Int, _ role: String) throws -> [Int]? {
    guard let value = input(index) else { return nil }
    guard let integers = value.integers else {
      throw node.failure(
        .unsupported, "its \(role) must be integers that do not depend on the batch")
    }
    return integers
  }

  func required(_ index: Int, _ role: String) throws -> [Int] {
    guard let integers = try integers(index, role) else {
      throw node.failure(.invalidGraph, "its \(role) is missing")
    }
    return integers
  }

  /// The number of elements of a result, once it is known to fit in memory.
  @discardableResult
  func count(of shape: [Int]) throws -> Int {
    guard let count = ConstantValue.count(of: shape) else {
      throw node.failure(
        .invalidGraph, "its result of shape \(shape) makes no sense, or is too large")
    }
    return count
  }
}
