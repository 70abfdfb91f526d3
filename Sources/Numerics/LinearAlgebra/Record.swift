import Foundation

/// Writes numbers as a compact little-endian record: four letters, a version, then the fields.
public struct RecordWriter: Sendable {
  public private(set) var data = Data()

  /// - Parameter kind: Four ASCII letters that name the kind of record.
  public init(kind: String, version: UInt32) {
    precondition(kind.utf8.count == 4, "'\(kind)' is not four letters")
    data.append(contentsOf: kind.utf8)
    append(version)
  }

  public mutating func write(_ value: Int) { append(UInt64(bitPattern: Int64(value))) }

  /// Numbers without their count.
  public mutating func write(_ values: [Double]) { append(values, bits: \.bitPattern) }

  /// Numbers without their count.
  public mutating func write(_ values: [Float]) { append(values, bits: \.bitPattern) }

  /// Small non-negative integers, their count first.
  public mutating func write(indices: [Int]) {
    write(indices.count)
    append(indices, bits: { UInt32($0) })
  }

  /// A text in UTF-8, its length first.
  public mutating func write(_ text: String) {
    write(text.utf8.count)
    data.append(contentsOf: text.utf8)
  }

  /// Bytes, their count first.
  public mutating func write(_ bytes: Data) {
    write(bytes.count)
    data.append(bytes)
  }

  private mutating func append<Bits: FixedWidthInteger>(_ value: Bits) {
    withUnsafeBytes(of: value.littleEndian) { data.append(contentsOf: $0) }
  }

  private mutating func append<Value, Bits: FixedWidthInteger>(
    _ values: [Value], bits: (Value) -> Bits
  ) {
    values.map { bits($0).littleEndian }.withUnsafeBytes { data.append(contentsOf: $0) }
  }
}

/// Reads what ``RecordWriter`` wrote, and trusts no byte of it.
public struct RecordReader: Sendable {
  private let data: Data
  private let kind: String
  private var position: Int

  /// - Throws: ``LinearAlgebraError`` with `corruptedRecord`, here and in every method, for another
  ///   kind or version, or bytes that end too early.
  public init(_ data: Data, kind: String, version: UInt32) throws(LinearAlgebraError) {
    self.data = data
    self.kind = kind
    position = data.startIndex
    let letters = try bytes(4)
    guard letters.elementsEqual(kind.utf8) else { throw corrupted("other letters at its start") }
    let found = try integers(1, as: UInt32.self)[0]
    guard found == version else { throw corrupted("version \(found) instead of \(version)") }
  }

  /// A count or index, refused outside `range`.
  public mutating func integer(in range: ClosedRange<Int>) throws(LinearAlgebraError) -> Int {
    let value = Int(truncatingIfNeeded: try integers(1, as: UInt64.self)[0])
    guard range.contains(value) else { throw corrupted("\(value) outside \(range)") }
    return value
  }

  public mutating func doubles(_ count: Int) throws(LinearAlgebraError) -> [Double] {
    try integers(count, as: UInt64.self).map { Double(bitPattern: $0) }
  }

  public mutating func floats(_ count: Int) throws(LinearAlgebraError) -> [Float] {
    try integers(count, as: UInt32.self).map { Float(bitPattern: $0) }
  }

  /// Indices below `bound`.
  public mutating func indices(below bound: Int) throws(LinearAlgebraError) -> [Int] {
    let count = try integer(in: 0...bound)
    let indices = try integers(count, as: UInt32.self).map { Int($0) }
    guard indices.allSatisfy({ $0 < bound }) else { throw corrupted("an index ≥ \(bound)") }
    return indices
  }

  public mutating func text() throws(LinearAlgebraError) -> String {
    let count = try integer(in: 0...data.count)
    guard let text = String(validating: try bytes(count), as: UTF8.self) else {
      throw corrupted("a text that is not UTF-8")
    }
    return text
  }

  public mutating func blob() throws(LinearAlgebraError) -> Data {
    Data(try bytes(try integer(in: 0...data.count)))
  }

  /// Refuses bytes after the last field.
  public func finish() throws(LinearAlgebraError) {
    guard position == data.endIndex else {
      throw corrupted("\(data.endIndex - position) bytes after its end")
    }
  }

  private mutating func bytes(_ count: Int) throws(LinearAlgebraError) -> Data {
    guard count >= 0, count <= data.endIndex - position else {
      throw corrupted("an early end: \(count) bytes wanted at \(position - data.startIndex)")
    }
    defer { position += count }
    return data[position..<position + count]
  }

  private mutating func integers<Bits: FixedWidthInteger>(
    _ count: Int, as type: Bits.Type
  ) throws(LinearAlgebraError) -> [Bits] {
    let width = Bits.bitWidth / 8
    guard count >= 0, count <= (data.endIndex - position) / width else {
      throw corrupted("an early end: \(count) numbers wanted at \(position - data.startIndex)")
    }
    let raw = try bytes(count * width)
    return raw.withUnsafeBytes { buffer in
      (0..<count).map {
        Bits(littleEndian: buffer.loadUnaligned(fromByteOffset: $0 * width, as: Bits.self))
      }
    }
  }

  private func corrupted(_ what: String) -> LinearAlgebraError {
    LinearAlgebraError(
      .corruptedRecord,
      "a record '\(kind)' of \(data.count) bytes has \(what); compute it again")
  }
}
