import NetworkGraph
import ONNXSchema

extension ElementType {
  /// What a type of the file is here; nil for those that are not read.
  init?(_ type: Onnx_TensorProto.DataType) {
    switch type {
    case .float, .float16, .bfloat16, .double: self = .float32
    case .int64: self = .int64
    case .int32: self = .int32
    case .int8: self = .int8
    case .uint8: self = .uint8
    case .bool: self = .bool
    default: return nil
    }
  }

  /// The type it is written as.
  var dataType: Onnx_TensorProto.DataType {
    switch self {
    case .float32: .float
    case .int64: .int64
    case .int32: .int32
    case .int8: .int8
    case .uint8: .uint8
    case .bool: .bool
    }
  }
}

extension Onnx_TensorProto.DataType {
  /// The name in ONNX's documents, for people.
  var name: String {
    switch self {
    case .float: "float32"
    case .double: "float64"
    default: "\(self)"
    }
  }
}
