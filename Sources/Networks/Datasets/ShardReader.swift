import Foundation
import Tensors

/// Takes the parts of a shard out of its bytes, in order, and never beyond their end.
struct ShardReader {
  /// What stands in front of an input's elements.
  struct InputHeader {
    var name: String?
    var shape: [Int]
    /// Nil for values.
    var normalisation: Normalisation?
    /// Of all samples.
    var elementCount: Int
  }

  private var rest: Data

  init(_ content: Data) { rest = content }

  private mutating func take(_ count: Int, of size: Int = 1) throws(DatasetError) -> Data {
    let (length, overflow) = count.multipliedReportingOverflow(by: size)
    guard !overflow, length <= rest.count else {
      throw .damagedShard("\(count) numbers of \(size) bytes do not fit into it")
    }
    let taken = rest.prefix(length)
    rest = rest.dropFirst(length)
    return taken
  }

  /// The next count, extent or flag.
  mutating func number(below bound: Int = 1 << 32) throws(DatasetError) -> Int {
    let number = Int(try integers(UInt32.self, 1)[0])
    guard number < bound else {
      throw .damagedShard("\(number) stands where a number below \(bound) should")
    }
    return number
  }

  mutating func inputHeader(samples: Int) throws(DatasetError) -> InputHeader {
    guard let name = String(validating: try take(try number()), as: UTF8.self) else {
      throw .damagedShard("the name of an input is no text")
    }
    let shape = try integers(UInt32.self, try number(below: 1 << 8)).map(Int.init)
    var elementCount = samples
    for extent in shape {
      let (product, overflow) = elementCount.multipliedReportingOverflow(by: extent)
      guard extent > 0, !overflow, product <= 1 << 40 else {
        throw .damagedShard("it claims \(samples) samples of shape \(shape)")
      }
      elementCount = product
    }
    let normalisation = try number(below: 2) == 0 ? try normalisation(of: shape) : nil
    return InputHeader(
      name: name.isEmpty ? nil : name, shape: shape, normalisation: normalisation,
      elementCount: elementCount)
  }

  private mutating func normalisation(of shape: [Int]) throws(DatasetError) -> Normalisation {
    let channels = try number()
    guard channels == shape.first else {
      throw .damagedShard("normalisation of \(channels) channels for samples of shape \(shape)")
    }
    let numbers = try integers(UInt64.self, 2 * channels).map { Double(bitPattern: $0) }
    let (mean, std) = (Array(numbers[..<channels]), Array(numbers[channels...]))
    guard mean.allSatisfy(\.isFinite), std.allSatisfy({ $0.isFinite && $0 > 0 }) else {
      throw .damagedShard("its normalisation is impossible")
    }
    return Normalisation(mean: mean, std: std)
  }

  mutating func input(_ header: InputHeader) throws(DatasetError) -> InputColumn {
    let storage: InputColumn.Storage
    if let normalisation = header.normalisation {
      storage = .pixels([UInt8](try take(header.elementCount)), normalisation)
    } else {
      let bits = try integers(UInt32.self, header.elementCount)
      storage = .values(bits.map { Float(bitPattern: $0) })
    }
    return InputColumn(name: header.name, shape: header.shape, storage: storage)
  }

  mutating func labels(_ count: Int) throws(DatasetError) -> [Int] {
    let labels = try integers(Int32.self, count).map(Int.init)
    guard labels.allSatisfy({ $0 >= 0 }) else { throw .damagedShard("it has a label below 0") }
    return labels
  }

  func finish() throws(DatasetError) {
    guard rest.isEmpty else { throw .damagedShard("\(rest.count) bytes follow it") }
  }

  private mutating func integers<Number: FixedWidthInteger>(
    _: Number.Type, _ count: Int
  ) throws(DatasetError) -> [Number] {
    let bytes = try take(count, of: Number.bitWidth / 8)
    return [Number](unsafeUninitializedCapacity: count) { buffer, initialised in
      _ = bytes.copyBytes(to: UnsafeMutableRawBufferPointer(buffer))
      for index in 0..<count { buffer[index] = Number(littleEndian: buffer[index]) }
      initialised = count
    }
  }
}
