import Foundation
import ONNXSchema

extension Onnx_TensorProto {
  /// A float32 tensor, as raw data.
  init(_ name: String, shape: [Int], floats: [Float]) {
    self.init()
    if !name.isEmpty { self.name = name }
    dims = shape.map { Int64($0) }
    dataType = Int32(DataType.float.rawValue)
    rawData = floats.withUnsafeBytes { Data($0) }
  }

  /// An int64 tensor of shape `[n]`, as raw data.
  init(_ name: String, integers: [Int]) {
    self.init()
    if !name.isEmpty { self.name = name }
    dims = [Int64(integers.count)]
    dataType = Int32(DataType.int64.rawValue)
    rawData = integers.map { Int64($0) }.withUnsafeBytes { Data($0) }
  }
}

extension Onnx_AttributeProto {
  private init(_ name: String, _ type: AttributeType) {
    self.init()
    self.name = name
    self.type = type
  }

  static func integer(_ name: String, _ value: Int) -> Onnx_AttributeProto {
    var attribute = Onnx_AttributeProto(name, .int)
    attribute.i = Int64(value)
    return attribute
  }

  static func integers(_ name: String, _ values: [Int]) -> Onnx_AttributeProto {
    var attribute = Onnx_AttributeProto(name, .ints)
    attribute.ints = values.map { Int64($0) }
    return attribute
  }

  static func number(_ name: String, _ value: Float) -> Onnx_AttributeProto {
    var attribute = Onnx_AttributeProto(name, .float)
    attribute.f = value
    return attribute
  }

  static func text(_ name: String, _ value: String) -> Onnx_AttributeProto {
    var attribute = Onnx_AttributeProto(name, .string)
    attribute.s = Data(value.utf8)
    return attribute
  }
}

extension Onnx_StringStringEntryProto {
  init(_ key: String, _ value: String) {
    self.init()
    self.key = key
    self.value = value
  }
}
