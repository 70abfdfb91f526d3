import Foundation

/// An array of a `.npy` file: its type, its shape and its bytes, in C order.
///
/// Reference: numpy.lib.format, versions 1.0 to 3.0.
struct NumPyArray {
  /// A NumPy type such as "u1", without its byte order.
  struct ElementType: Hashable, CustomStringConvertible {
    /// "u" unsigned, "i" signed, "f" floating, and others.
    var kind: Character
    /// In bytes.
    var size: Int
    var description: String { "\(kind)\(size)" }

    /// Unsigned, of 8 bits.
    static let pixel = ElementType(kind: "u", size: 1)
  }

  /// File and array, for messages.
  let place: String
  let type: ElementType
  let isBigEndian: Bool
  let shape: [Int]
  let bytes: ArraySlice<UInt8>

  /// Reads the contents of a `.npy` file.
  ///
  /// - Throws: ``DatasetError`` with `format` or `shape`.
  init(decoding npy: [UInt8], place: String) throws(DatasetError) {
    func damaged(_ reason: String) -> DatasetError {
      DatasetError(.format, "\(place) is no NumPy array: \(reason); write it again with NumPy")
    }
    self.place = place
    guard npy.count >= 12, npy.starts(with: [0x93] + Array("NUMPY".utf8)) else {
      throw damaged("it does not start as one")
    }
    let version = npy[6]
    guard (1...3).contains(version) else { throw damaged("version \(version) is not known") }
    let start = version == 1 ? 10 : 12
    let length =
      version == 1
      ? Int(npy.littleEndian(UInt16.self, at: 8)) : Int(npy.littleEndian(UInt32.self, at: 8))
    guard length <= npy.count - start else { throw damaged("its header is cut short") }
    let header = NumPyHeader(String(decoding: npy[start..<start + length], as: UTF8.self))

    guard let descriptor = header.text("descr") else {
      throw DatasetError(
        .shape, "\(place) has fields of several types; store a plain array of numbers")
    }
    let order = descriptor.first.map { "<>|=".contains($0) } == true ? descriptor.first : nil
    let name = descriptor.dropFirst(order == nil ? 0 : 1)
    guard let kind = name.first else { throw damaged("it has no type") }
    guard kind != "O" else {
      throw DatasetError(
        .shape, "\(place) holds Python objects, which are never read; store an array of numbers")
    }
    guard "biufc".contains(kind), let size = Int(name.dropFirst()), (1...16).contains(size) else {
      throw DatasetError(
        .shape, "\(place) is of type '\(descriptor)'; store an array of numbers")
    }
    guard header.isTrue("fortran_order") == false else {
      throw DatasetError(
        .shape, "\(place) is in Fortran order; store np.ascontiguousarray(array)")
    }
    guard let shape = header.shape else { throw damaged("it has no shape") }
    var total = size
    for extent in shape {
      let (product, overflow) = total.multipliedReportingOverflow(by: extent)
      guard !overflow else { throw damaged("its shape \(shape) is impossible") }
      total = product
    }
    guard npy.count - start - length == total else {
      throw damaged(
        "shape \(shape) takes \(total) bytes, but there are \(npy.count - start - length)")
    }
    type = ElementType(kind: kind, size: size)
    isBigEndian = order == ">"
    self.shape = shape
    bytes = npy[(start + length)...]
  }

  /// The elements of an array of integers; nil for other types, and beyond `Int`.
  var integers: [Int]? {
    guard "iu".contains(type.kind), [1, 2, 4, 8].contains(type.size) else { return nil }
    var result: [Int] = []
    result.reserveCapacity(bytes.count / type.size)
    for start in stride(from: bytes.startIndex, to: bytes.endIndex, by: type.size) {
      let element = bytes[start..<start + type.size]
      var bits: UInt64 = 0
      for byte in isBigEndian ? Array(element) : element.reversed() {
        bits = bits << 8 | UInt64(byte)
      }
      let unused = 64 - 8 * type.size
      let signed = (Int(truncatingIfNeeded: bits) << unused) >> unused
      guard let value = type.kind == "i" ? signed : Int(exactly: bits) else { return nil }
      result.append(value)
    }
    return result
  }
}

/// The Python dictionary in front of an array:
/// `{'descr': '|u1', 'fortran_order': False, 'shape': (3, 4), }`.
private struct NumPyHeader {
  private let text: String

  init(_ text: String) { self.text = text }

  /// What stands after a key and its colon.
  private func value(_ key: String) -> Substring? {
    guard let place = text.range(of: "'\(key)':") else { return nil }
    return text[place.upperBound...].drop { $0 == " " }
  }

  func text(_ key: String) -> String? {
    guard let value = value(key), value.first == "'" else { return nil }
    return String(value.dropFirst().prefix { $0 != "'" })
  }

  func isTrue(_ key: String) -> Bool? {
    guard let value = value(key) else { return nil }
    return value.hasPrefix("True") ? true : value.hasPrefix("False") ? false : nil
  }

  var shape: [Int]? {
    guard let value = value("shape"), value.first == "(", value.contains(")") else { return nil }
    let parts = value.dropFirst().prefix { $0 != ")" }.split(separator: ",")
    let extents = parts.map { $0.trimmingCharacters(in: .whitespaces) }.filter { !$0.isEmpty }
      .map { Int($0) }
    let known = extents.compactMap { $0 }
    return known.count == extents.count && known.allSatisfy { $0 >= 0 } ? known : nil
  }
}

extension [UInt8] {
  /// The integer in the bytes from `offset` on.
  fileprivate func littleEndian<Number: FixedWidthInteger>(_: Number.Type, at offset: Int) -> Number
  {
    let size = Number.bitWidth / 8
    return self[offset..<offset + size].reversed().reduce(0) { $0 << 8 | Number($1) }
  }
}
