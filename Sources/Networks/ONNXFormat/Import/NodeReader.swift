import Foundation
import ONNXSchema

/// One node of the file and its attributes, with errors that say where it stands.
struct NodeReader {
  let proto: Onnx_NodeProto
  /// Unique in the network.
  let name: String
  let opset: Int64

  /// The greatest kernel, stride, pad or group count accepted; sums and products of them stay
  /// far from overflow.
  static let maximumAttribute = 1 << 20

  /// The greatest number of axes accepted.
  static let maximumRank = 64

  var type: String { proto.opType }
  var path: String { "graph › node \"\(name)\" (\(type))" }
  var isStandard: Bool { proto.domain.isEmpty || proto.domain == "ai.onnx" }

  func failure(_ code: ONNXError.Code, _ message: String) -> ONNXError {
    ONNXError(code, "\(path): \(message)")
  }

  /// The name of an input, or nil where it is left out.
  func input(_ index: Int) -> String? {
    guard proto.input.indices.contains(index), !proto.input[index].isEmpty else { return nil }
    return proto.input[index]
  }

  private func attribute(
    _ name: String, _ type: Onnx_AttributeProto.AttributeType
  ) throws -> Onnx_AttributeProto? {
    guard let attribute = proto.attribute.first(where: { $0.name == name }) else { return nil }
    guard !attribute.hasType || attribute.type == type else {
      throw failure(
        .invalidGraph, "attribute \(name) has type \(attribute.type) instead of \(type)")
    }
    return attribute
  }

  func integer(_ name: String, default value: Int) throws -> Int {
    try attribute(name, .int).map { Int($0.i) } ?? value
  }

  func flag(_ name: String, default value: Bool) throws -> Bool {
    try integer(name, default: value ? 1 : 0) != 0
  }

  func number(_ name: String, default value: Float) throws -> Float {
    let number = try attribute(name, .float)?.f ?? value
    guard !number.isNaN else { throw failure(.invalidGraph, "attribute \(name) is NaN") }
    return number
  }

  func text(_ name: String, default value: String) throws -> String {
    try attribute(name, .string).map { String(decoding: $0.s, as: UTF8.self) } ?? value
  }

  func integers(_ name: String) throws -> [Int]? {
    try attribute(name, .ints)?.ints.map { Int($0) }
  }

  func numbers(_ name: String) throws -> [Float]? { try attribute(name, .floats)?.floats }

  func tensor(_ name: String) throws -> Onnx_TensorProto? { try attribute(name, .tensor)?.t }

  func has(_ name: String) -> Bool { proto.attribute.contains { $0.name == name } }

  /// Amounts per axis: `count` of them, each at least `minimum`.
  func amounts(
    _ name: String, count: Int, minimum: Int, default value: Int
  ) throws -> [Int] {
    guard let amounts = try integers(name), !amounts.isEmpty else {
      return Array(repeating: value, count: count)
    }
    guard amounts.count == count else {
      throw failure(
        .invalidGraph, "attribute \(name) has \(amounts.count) entries instead of \(count)")
    }
    guard amounts.allSatisfy({ (minimum...Self.maximumAttribute).contains($0) }) else {
      throw failure(
        .invalidGraph,
        "attribute \(name) is \(amounts); each must lie in \(minimum)…\(Self.maximumAttribute)")
    }
    return amounts
  }

  /// One amount, which must be there and positive.
  func amount(_ name: String) throws -> Int {
    let amount = try integer(name, default: 0)
    guard (1...Self.maximumAttribute).contains(amount) else {
      throw failure(
        .invalidGraph, "attribute \(name) is \(amount); it must lie in 1…\(Self.maximumAttribute)")
    }
    return amount
  }

  /// An axis of a value of `rank` axes, counted from the end where negative.
  func resolvedAxis(_ axis: Int, rank: Int) throws -> Int {
    guard axis >= -rank, axis < rank else {
      throw failure(.invalidGraph, "axis \(axis) does not exist in a value of \(rank) axes")
    }
    return axis < 0 ? axis + rank : axis
  }
}
