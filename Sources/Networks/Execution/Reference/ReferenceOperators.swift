import NetworkGraph
import Tensors

/// Every operator as a plain function of row-major tensors.
///
/// They define what the operators mean; sums run in `Double` in row-major order.
public enum ReferenceOperators {
  /// The value of a node.
  ///
  /// - Parameters:
  ///   - operands: The node's inputs in order; nil where an optional one is left out.
  ///   - batch: The number of images.
  /// - Throws: ``ExecutionError`` with `shapeMismatch` where a required operand is missing.
  public static func evaluate(
    _ node: Node, _ operands: [Tensor?], batch: Int
  ) throws -> Tensor {
    let x = try operands.required(0, node)
    switch node.operation {
    case .convolution(let operation):
      return convolution(
        operation, x, weight: try operands.required(1, node), bias: operands.optional(2))
    case .batchNormalization(let operation):
      return batchNormalization(
        operation, x, scale: try operands.required(1, node),
        shift: try operands.required(2, node), mean: try operands.required(3, node),
        variance: try operands.required(4, node))
    case .activation(let operation): return activation(operation, x)
    case .elementwise(.add): return add(x, try operands.required(1, node))
    case .pooling(let operation): return pooling(operation, x)
    case .reduction(let operation): return reduceMean(operation, x)
    case .flatten(let operation): return flatten(operation, x)
    case .reshape(let operation):
      return x.reshaped(operation.target.resolved(batch: batch))
    case .gemm(let operation):
      return gemm(operation, x, weight: try operands.required(1, node), bias: operands.optional(2))
    case .slice(let operation): return slice(operation, x)
    case .pad(let operation): return pad(operation, x)
    case .softmax(let operation): return softmax(operation, x)
    default:
      throw ExecutionError(
        .unsupported, "node \"\(node.name)\": \(node.operation.name) is not computed yet")
    }
  }
}

extension [Tensor?] {
  /// The operand at a place, or nil where there is none.
  func optional(_ place: Int) -> Tensor? { place < count ? self[place] : nil }

  /// The operand at a place, which the operator cannot do without.
  func required(_ place: Int, _ node: Node) throws -> Tensor {
    guard let operand = optional(place) else {
      throw ExecutionError(.shapeMismatch, "node \"\(node.name)\" lacks its input \(place)")
    }
    return operand
  }
}
