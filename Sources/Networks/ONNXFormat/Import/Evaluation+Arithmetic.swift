import NetworkGraph
import ONNXSchema

/// Numbers computed at import.
extension Evaluation {
  func arithmetic() throws -> ConstantValue {
    guard inputs.count == 2, let second = inputs[1] else {
      throw node.failure(.invalidGraph, "it needs two inputs")
    }
    let rank = max(first.shape.count, second.shape.count)
    func extents(_ value: ConstantValue) -> [Int] {
      Array(repeating: 1, count: rank - value.shape.count) + value.shape
    }
    let shape = try zip(extents(first), extents(second)).map { a, b in
      guard a == b || a == 1 || b == 1 else {
        throw node.failure(
          .invalidGraph, "shapes \(first.shape) and \(second.shape) do not broadcast")
      }
      return a == 1 ? b : a
    }
    guard ConstantValue.count(of: shape) != nil else {
      throw node.failure(.invalidGraph, "its result of shape \(shape) is too large")
    }
    let left = first.rearranged(.broadcasting(first.shape, to: shape))
    let right = second.rearranged(.broadcasting(second.shape, to: shape))
    switch (left.elements, right.elements) {
    case (.floats(let a), .floats(let b)):
      return ConstantValue(shape: shape, floats: zip(a, b).map(compute))
    case (.integers(let a), .integers(let b)):
      return ConstantValue(shape: shape, integers: try zip(a, b).map(compute))
    default: throw node.failure(.invalidGraph, "its inputs are integers and floats")
    }
  }

  private func compute(_ a: Float, _ b: Float) -> Float {
    switch node.type {
    case "Add": a + b
    case "Sub": a - b
    case "Mul": a * b
    default: a / b
    }
  }

  private func compute(_ a: Dimension, _ b: Dimension) throws -> Dimension {
    guard let left = a.extent, let right = b.extent else { return try computeBatch(a, b) }
    let (result, overflow) =
      switch node.type {
      case "Add": left.addingReportingOverflow(right)
      case "Sub": left.subtractingReportingOverflow(right)
      case "Mul": left.multipliedReportingOverflow(by: right)
      // Towards zero; a division by zero counts as overflow.
      default: left.dividedReportingOverflow(by: right)
      }
    guard !overflow else {
      throw node.failure(.invalidGraph, "\(left) and \(right) overflow, or it divides by zero")
    }
    return .fixed(result)
  }

  /// Only what leaves the batch as it is.
  private func computeBatch(_ a: Dimension, _ b: Dimension) throws -> Dimension {
    switch (node.type, a, b) {
    case ("Add", .batch, .fixed(0)), ("Sub", .batch, .fixed(0)), ("Mul", .batch, .fixed(1)),
      ("Div", .batch, .fixed(1)), ("Add", .fixed(0), .batch), ("Mul", .fixed(1), .batch):
      return .batch
    default:
      throw node.failure(
        .unsupported, "it computes with the batch size; export with a shape that keeps axis 0")
    }
  }

  func cast() throws -> ConstantValue {
    let raw = try node.integer("to", default: 0)
    let type = Onnx_TensorProto.DataType(rawValue: raw) ?? .undefined
    switch type {
    case .float, .double:
      guard let dimensions = first.dimensions else { return first }
      return ConstantValue(
        shape: first.shape,
        floats: try dimensions.map { dimension in
          guard let extent = dimension.extent else {
            throw node.failure(.unsupported, "it turns the batch size into a float")
          }
          return Float(extent)
        })
    case .int64, .int32:
      guard let floats = first.floats else { return first }
      return ConstantValue(
        shape: first.shape,
        integers: try floats.map { float in
          guard let integer = Int(exactly: float.rounded(.towardZero)) else {
            throw node.failure(.invalidGraph, "\(float) has no integer")
          }
          return .fixed(integer)
        })
    default:
      throw node.failure(
        .unsupported, "casting constants to type \(raw) is not supported; simplify the model")
    }
  }
}
