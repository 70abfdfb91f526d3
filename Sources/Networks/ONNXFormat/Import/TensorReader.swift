import Foundation
import NetworkGraph
import ONNXSchema

/// Reads `TensorProto`s, wherever their elements are stored.
struct TensorReader {
  /// The folder of the model file; external data lies in it.
  let directory: URL?

  /// The elements of a tensor, converted to 32-bit floats or integers.
  ///
  /// - Throws: ``ONNXError`` with `invalidTensor` for short data, `unreadable` for external data
  ///   that is missing, `unsupported` for strings, complex numbers and packed types.
  func read(_ tensor: Onnx_TensorProto) throws -> ConstantValue {
    do {
      guard
        let shape = try? tensor.dims.map({ try Self.extent($0) }),
        let count = Self.count(of: shape)
      else {
        throw ONNXError(.invalidTensor, "its shape \(tensor.dims) makes no sense")
      }
      guard !tensor.hasSegment else {
        throw ONNXError(.unsupported, "it is stored in segments; export the model again")
      }
      guard let type = Onnx_TensorProto.DataType(rawValue: Int(tensor.dataType)) else {
        throw ONNXError(.malformed, "its element type \(tensor.dataType) is unknown")
      }
      if type == .float, tensor.dataLocation == .external {
        let floats = try ExternalData(tensor.externalData).floats(count, in: directory)
        return ConstantValue(shape: shape, floats: floats)
      }
      let raw = try rawBytes(of: tensor)
      if let floats = try Self.floats(of: tensor, type: type, raw: raw, count: count) {
        return ConstantValue(shape: shape, floats: floats)
      }
      let integers = try Self.integers(of: tensor, type: type, raw: raw, count: count)
      return ConstantValue(shape: shape, integers: integers.map { .fixed($0) })
    } catch let error as ONNXError {
      throw error.prefixed(by: "graph › tensor \"\(tensor.name)\"")
    }
  }

  /// The number of elements, where their bytes can be counted; whether there are as many is seen
  /// before memory is taken for them.
  private static func count(of shape: [Int]) -> Int? {
    var count = 1
    for extent in shape {
      let (product, overflow) = count.multipliedReportingOverflow(by: extent)
      guard !overflow, product <= Int.max / 16 else { return nil }
      count = product
    }
    return count
  }

  private struct NegativeExtent: Error {}

  private static func extent(_ dimension: Int64) throws -> Int {
    guard dimension >= 0 else { throw NegativeExtent() }
    return Int(dimension)
  }

  /// The bytes of `raw_data` or of the external file; nil where a typed field holds the elements.
  private func rawBytes(of tensor: Onnx_TensorProto) throws -> Data? {
    if tensor.dataLocation == .external {
      return try ExternalData(tensor.externalData).bytes(in: directory)
    }
    return tensor.hasRawData ? tensor.rawData : nil
  }

  private static func floats(
    of tensor: Onnx_TensorProto, type: Onnx_TensorProto.DataType, raw: Data?, count: Int
  ) throws -> [Float]? {
    func halves() throws -> [UInt16] {
      try elements(raw, count) { tensor.int32Data.map { UInt16(truncatingIfNeeded: $0) } }
    }
    switch type {
    case .float: return try elements(raw, count) { tensor.floatData }
    case .double: return try elements(raw, count) { tensor.doubleData }.map { Float($0) }
    case .float16: return try halves().map { Float(Float16(bitPattern: $0)) }
    case .bfloat16: return try halves().map { Float(bitPattern: UInt32($0) << 16) }
    default: return nil
    }
  }

  private static func integers(
    of tensor: Onnx_TensorProto, type: Onnx_TensorProto.DataType, raw: Data?, count: Int
  ) throws -> [Int] {
    func narrow<Integer: FixedWidthInteger & BitwiseCopyable>(
      _: Integer.Type
    ) throws -> [Int] {
      try elements(raw, count) { tensor.int32Data.map { Integer(truncatingIfNeeded: $0) } }
        .map { Int($0) }
    }
    func exactly<Integer: BinaryInteger>(_ integers: [Integer]) throws -> [Int] {
      try integers.map { integer in
        guard let value = Int(exactly: integer) else {
          throw ONNXError(.invalidTensor, "\(integer) is too large for a 64-bit integer")
        }
        return value
      }
    }
    switch type {
    case .int64: return try elements(raw, count) { tensor.int64Data }.map { Int($0) }
    case .int32: return try narrow(Int32.self)
    case .int16: return try narrow(Int16.self)
    case .int8: return try narrow(Int8.self)
    case .uint16: return try narrow(UInt16.self)
    case .uint8, .bool: return try narrow(UInt8.self)
    case .uint32:
      return try elements(raw, count) {
        tensor.uint64Data.map { UInt32(truncatingIfNeeded: $0) }
      }.map { Int($0) }
    case .uint64: return try exactly(elements(raw, count) { tensor.uint64Data })
    default:
      throw ONNXError(
        .unsupported,
        "elements of type \(type) are not supported; export the model in float32")
    }
  }

  /// Elements from raw little-endian bytes, or from the typed field.
  private static func elements<Element: BitwiseCopyable>(
    _ raw: Data?, _ count: Int, typed: () -> [Element]
  ) throws -> [Element] {
    guard let raw else {
      let elements = typed()
      guard elements.count == count else {
        throw ONNXError(
          .invalidTensor, "it holds \(elements.count) elements where its shape needs \(count)")
      }
      return elements
    }
    let needed = count * MemoryLayout<Element>.size
    guard raw.count == needed else {
      throw ONNXError(
        .invalidTensor, "it holds \(raw.count) bytes where its shape and type need \(needed)")
    }
    return [Element](unsafeUninitializedCapacity: count) { buffer, initialised in
      UnsafeMutableRawBufferPointer(buffer).copyBytes(from: raw)
      initialised = count
    }
  }
}
