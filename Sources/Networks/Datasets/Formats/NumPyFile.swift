import Foundation
import Quantities
import Tensors

/// Single tensors as `.npy` files.
public enum NumPyFile {
  /// What elements become in a file: whole numbers are rounded towards zero and cut to what the
  /// type holds.
  public enum ElementType: String, Sendable, Hashable, CaseIterable {
    case float32 = "<f4"
    case int64 = "<i8"
    case int32 = "<i4"
    case int8 = "|i1"
    case uint8 = "|u1"
    case bool = "|b1"
  }

  /// Reads an array of numbers of any type as 32-bit floats.
  ///
  /// - Throws: ``DatasetError`` with `unreadable`, `format` or `shape`.
  public static func read(_ url: URL) throws(DatasetError) -> Tensor {
    guard FileKind(of: url) == .file else {
      throw DatasetError(.unreadable, "\(url.path) is no file; check the path")
    }
    let data: Data
    do {
      data = try Data(contentsOf: url)
    } catch {
      throw .unreadable(url, error)
    }
    let array = try NumPyArray(decoding: [UInt8](data), place: url.path)
    return Tensor(shape: array.shape, elements: try array.floats())
  }

  /// Writes a tensor, beside its place first and then renamed.
  ///
  /// - Throws: ``DatasetError`` with `unreadable`, naming the file.
  public static func write(
    _ tensor: Tensor, as type: ElementType = .float32, to url: URL
  ) throws(DatasetError) {
    do {
      try encode(tensor, as: type).write(to: url, options: .atomic)
    } catch {
      throw DatasetError(
        .unreadable,
        "\(url.path) cannot be written: \(error.systemReason); check space and rights")
    }
  }

  /// The bytes of a file of version 1.0.
  static func encode(_ tensor: Tensor, as type: ElementType) -> Data {
    let extents =
      tensor.shape.map(\.description).joined(separator: ", ") + (tensor.rank == 1 ? "," : "")
    let dictionary =
      "{'descr': '\(type.rawValue)', 'fortran_order': False, 'shape': (\(extents)), }"
    // Elements start at a multiple of 64 bytes.
    let padding = 63 - (10 + dictionary.utf8.count) % 64
    let header = dictionary + String(repeating: " ", count: padding) + "\n"
    var data = Data([0x93] + Array("NUMPY".utf8) + [1, 0])
    data.append(bytes([UInt16(header.utf8.count)]))
    data.append(contentsOf: header.utf8)
    switch type {
    case .float32: data.append(bytes(tensor.elements.map(\.bitPattern)))
    case .int64: data.append(bytes(tensor.elements.map(nearest(Int64.self))))
    case .int32: data.append(bytes(tensor.elements.map(nearest(Int32.self))))
    case .int8: data.append(bytes(tensor.elements.map(nearest(Int8.self))))
    case .uint8: data.append(bytes(tensor.elements.map(nearest(UInt8.self))))
    case .bool: data.append(bytes(tensor.elements.map { $0 == 0 ? UInt8(0) : 1 }))
    }
    return data
  }

  /// The whole number that an element is, rounded towards zero; 0 for what is no number.
  private static func nearest<Number: FixedWidthInteger>(
    _: Number.Type
  ) -> (_ element: Float) -> Number {
    { element in
      let whole = element.rounded(.towardZero)
      return Number(exactly: whole)
        ?? (whole.isNaN ? 0 : whole > 0 ? Number.max : Number.min)
    }
  }

  private static func bytes<Number: FixedWidthInteger>(_ numbers: [Number]) -> Data {
    numbers.map(\.littleEndian).withUnsafeBytes { Data($0) }
  }
}
