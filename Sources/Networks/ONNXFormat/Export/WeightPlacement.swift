import Foundation
import NetworkGraph
import ONNXSchema
import Tensors

/// Where the elements of weights are written: into the model, or into a file beside it.
struct WeightPlacement {
  /// Nil keeps all weights in the model.
  let file: ExternalDataWriter?

  init(file: ExternalDataWriter? = nil) { self.file = file }

  func tensor(_ name: String, _ tensor: Tensor, type: ElementType) throws -> Onnx_TensorProto {
    if type == .float32, let file, tensor.count >= ExternalDataWriter.minimumCount {
      return try file.append(name, tensor)
    }
    if type == .float32 {
      return Onnx_TensorProto(name, shape: tensor.shape, floats: tensor.elements)
    }
    var proto = Onnx_TensorProto()
    proto.name = name
    proto.dims = tensor.shape.map { Int64($0) }
    proto.dataType = Int32(type.dataType.rawValue)
    if type == .int64 {
      proto.int64Data = tensor.elements.map { Int64($0) }
    } else {
      proto.int32Data = tensor.elements.map { Int32($0) }
    }
    return proto
  }
}

/// Appends weights to a file beside the model.
final class ExternalDataWriter {
  /// Smaller tensors stay in the model, where tools expect shapes and bounds.
  static let minimumCount = 256
  /// Tensors start at multiples of this, so that readers can map them.
  private static let alignment: UInt64 = 4096

  private let handle: FileHandle
  private let location: String
  private var offset: UInt64 = 0

  /// - Parameter location: The name that the model calls the file by.
  init(_ handle: FileHandle, location: String) {
    self.handle = handle
    self.location = location
  }

  func append(_ name: String, _ tensor: Tensor) throws -> Onnx_TensorProto {
    let start = (offset + Self.alignment - 1) / Self.alignment * Self.alignment
    try handle.seek(toOffset: start)
    try tensor.elements.withUnsafeBytes { bytes in
      // In pieces, so that no copy of a large tensor is made.
      for place in stride(from: 0, to: bytes.count, by: 1 << 24) {
        try handle.write(contentsOf: Data(bytes[place..<min(place + (1 << 24), bytes.count)]))
      }
    }
    let length = UInt64(tensor.count * MemoryLayout<Float>.size)
    offset = start + length
    var proto = Onnx_TensorProto()
    proto.name = name
    proto.dims = tensor.shape.map { Int64($0) }
    proto.dataType = Int32(Onnx_TensorProto.DataType.float.rawValue)
    proto.dataLocation = .external
    proto.externalData = [
      Onnx_StringStringEntryProto("location", location),
      Onnx_StringStringEntryProto("offset", "\(start)"),
      Onnx_StringStringEntryProto("length", "\(length)"),
    ]
    return proto
  }
}
