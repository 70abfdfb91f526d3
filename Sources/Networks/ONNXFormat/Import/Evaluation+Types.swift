import NetworkGraph
import ONNXSchema

/// Values of one type as another, at import.
extension Evaluation {
  func cast(to raw: Int) throws -> ConstantValue {
    let type = Onnx_TensorProto.DataType(rawValue: raw) ?? .undefined
    switch type {
    case .float, .double, .float16, .bfloat16:
      guard let dimensions = first.dimensions else { return first }
      return ConstantValue(
        shape: first.shape,
        floats: try dimensions.map { dimension in
          guard let extent = dimension.extent else {
            throw node.failure(.unsupported, "it turns the batch size into a float")
          }
          return Float(extent)
        })
    case .int64, .int32, .int8, .uint8, .int16, .uint16, .uint32, .uint64, .bool:
      guard let floats = first.floats else { return first }
      return ConstantValue(
        shape: first.shape,
        integers: try floats.map { float in
          if type == .bool { return .fixed(float == 0 ? 0 : 1) }
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

  /// (x − zero point) · scale, by tensor or by index of an axis.
  func dequantised() throws -> ConstantValue {
    guard let scale = input(1), let scales = scale.floats, let values = first.integers else {
      throw node.failure(
        .unsupported, "it must give float32 weights from integers, with float scales")
    }
    guard try node.integer("block_size", default: 0) == 0 else {
      throw node.failure(.unsupported, "scales of blocks are not supported; export without them")
    }
    let zeros = try integers(2, "zero point") ?? scales.map { _ in 0 }
    guard scales.count == zeros.count, scale.shape.count <= 1, !scales.isEmpty else {
      throw node.failure(.invalidGraph, "its scale and zero point differ in shape")
    }
    if scales.count == 1 {
      return ConstantValue(
        shape: first.shape, floats: values.map { (Float($0) - Float(zeros[0])) * scales[0] })
    }
    let axis = try node.resolvedAxis(
      node.integer("axis", default: 1), rank: first.shape.count)
    guard first.shape[axis] == scales.count else {
      throw node.failure(
        .invalidGraph, "\(scales.count) scales do not fit axis \(axis) of \(first.shape)")
    }
    let inner = first.shape[(axis + 1)...].reduce(1, *)
    return ConstantValue(
      shape: first.shape,
      floats: values.indices.map { place in
        let index = place / inner % scales.count
        return (Float(values[place]) - Float(zeros[index])) * scales[index]
      })
  }
}
