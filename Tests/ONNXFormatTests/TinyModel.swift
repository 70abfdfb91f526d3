import Foundation
import NetworkGraph
import ONNXFormat
import ONNXSchema
import SwiftProtobuf

/// A model of a few nodes, written down in a test.
struct TinyModel {
  var proto = Onnx_ModelProto()

  /// - Parameter input: Extents of the input "x"; nil for the dynamic batch.
  init(opset: Int64 = 13, input: [Int?] = [nil, 4], output: String = "y") {
    proto.irVersion = 8
    var standard = Onnx_OperatorSetIdProto()
    standard.version = opset
    proto.opsetImport = [standard]
    proto.graph.name = "tiny"
    proto.graph.input = [Self.value("x", input)]
    proto.graph.output = [Self.value(output, [nil])]
  }

  static func value(_ name: String, _ extents: [Int?]) -> Onnx_ValueInfoProto {
    var value = Onnx_ValueInfoProto()
    value.name = name
    value.type.tensorType.elemType = 1
    value.type.tensorType.shape.dim = extents.map { extent in
      var dimension = Onnx_TensorShapeProto.Dimension()
      if let extent { dimension.dimValue = Int64(extent) } else { dimension.dimParam = "batch" }
      return dimension
    }
    return value
  }

  /// Adds a node; integer, float, string and list attributes take their ONNX types.
  mutating func add(
    _ type: String, _ inputs: [String], _ output: String = "y", name: String = "",
    with attributes: [String: Any] = [:]
  ) {
    add(type, inputs, outputs: [output], name: name, with: attributes)
  }

  mutating func add(
    _ type: String, _ inputs: [String], outputs: [String], name: String = "",
    with attributes: [String: Any] = [:]
  ) {
    var node = Onnx_NodeProto()
    node.opType = type
    node.name = name
    node.input = inputs
    node.output = outputs
    node.attribute = attributes.sorted { $0.key < $1.key }.map { Self.attribute($0.key, $0.value) }
    proto.graph.node.append(node)
  }

  private static func attribute(_ name: String, _ value: Any) -> Onnx_AttributeProto {
    var attribute = Onnx_AttributeProto()
    attribute.name = name
    switch value {
    case let value as Int: (attribute.type, attribute.i) = (.int, Int64(value))
    case let value as Float: (attribute.type, attribute.f) = (.float, value)
    case let value as String: (attribute.type, attribute.s) = (.string, Data(value.utf8))
    case let value as [Int]: (attribute.type, attribute.ints) = (.ints, value.map { Int64($0) })
    case let value as Onnx_TensorProto: (attribute.type, attribute.t) = (.tensor, value)
    default: preconditionFailure("attribute \(name) has a value of no ONNX type: \(value)")
    }
    return attribute
  }

  mutating func add(_ name: String, floats: [Float], shape: [Int]? = nil) {
    proto.graph.initializer.append(Self.tensor(name, floats: floats, shape: shape))
  }

  mutating func add(_ name: String, integers: [Int], shape: [Int]? = nil) {
    proto.graph.initializer.append(Self.tensor(name, integers: integers, shape: shape))
  }

  static func tensor(_ name: String, floats: [Float], shape: [Int]? = nil) -> Onnx_TensorProto {
    var tensor = Onnx_TensorProto()
    tensor.name = name
    tensor.dataType = 1
    tensor.dims = (shape ?? [floats.count]).map { Int64($0) }
    tensor.floatData = floats
    return tensor
  }

  static func tensor(_ name: String, integers: [Int], shape: [Int]? = nil) -> Onnx_TensorProto {
    var tensor = Onnx_TensorProto()
    tensor.name = name
    tensor.dataType = 7
    tensor.dims = (shape ?? [integers.count]).map { Int64($0) }
    tensor.int64Data = integers.map { Int64($0) }
    return tensor
  }

  func network(
    directory: URL? = nil, options: ImportOptions = ImportOptions()
  ) throws -> Network {
    try ONNXModel.decode(
      proto.serializedData(), name: "tiny.onnx", directory: directory, options: options)
  }

  /// The network as it was read, and as it is read from what was written of it.
  func written(
    options: ImportOptions = ImportOptions()
  ) throws -> (first: Network, again: Network) {
    let first = try network(options: options)
    var again = try ONNXModel.decode(ONNXModel.encode(first), name: "again", options: options)
    again.metadata.producerName = first.metadata.producerName
    return (first, again)
  }

  /// What reading it says, or "read" where it succeeds.
  func failure(
    directory: URL? = nil, options: ImportOptions = ImportOptions()
  ) throws -> String {
    do {
      _ = try network(directory: directory, options: options)
      return "read"
    } catch let error as ONNXError {
      return error.message
    }
  }

  /// The one node of a model that takes one.
  func operation() throws -> Operator? { try network().nodes.last?.operation }
}
