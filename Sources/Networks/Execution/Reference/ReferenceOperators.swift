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
    func second() throws -> Tensor { try operands.required(1, node) }
    return switch node.operation {
    case .convolution(let operation):
      convolution(operation, x, weight: try second(), bias: operands.optional(2))
    case .transposedConvolution(let operation):
      transposedConvolution(operation, x, weight: try second(), bias: operands.optional(2))
    case .gemm(let operation):
      gemm(operation, x, weight: try second(), bias: operands.optional(2))
    case .matrixProduct: matrixProduct(x, try second())
    case .batchNormalization(let operation):
      batchNormalization(
        operation, x, scale: try second(), shift: try operands.required(2, node),
        mean: try operands.required(3, node), variance: try operands.required(4, node))
    case .normalization(let operation):
      normalization(operation, x, scale: operands.optional(1), shift: operands.optional(2))
    case .localResponseNormalization(let operation): localResponseNormalization(operation, x)
    case .activation(let operation): activation(operation, x)
    case .parametricRelu: parametricRelu(x, slope: try second())
    case .elementwise(let operation): elementwise(operation, x, try second())
    case .softmax(let operation): softmax(operation, x)
    case .pooling(let operation): pooling(operation, x)
    case .reduction(let operation): reduction(operation, x)
    case .argMax(let operation): argMax(operation, x)
    case .concat(let operation):
      concat(operation, try operands.indices.map { try operands.required($0, node) })
    case .slice(let operation): slice(operation, x)
    case .gather(let operation): x.gathering(operation.indices, axis: operation.axis)
    case .pad(let operation): pad(operation, x)
    case .flatten(let operation): flatten(operation, x)
    case .reshape(let operation): x.reshaped(operation.target.resolved(batch: batch))
    case .transpose(let operation): transpose(x, operation.permutation)
    case .expand(let operation): expand(x, to: operation.target.resolved(batch: batch))
    case .resize(let operation): resize(operation, x)
    case .depthToSpace(let operation): depthToSpace(operation, x)
    case .spaceToDepth(let operation): spaceToDepth(operation, x)
    case .cast(let operation): cast(operation, x)
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
