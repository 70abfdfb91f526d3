import Digests
import Foundation
import Tensors

/// The bytes a shard travels in, little-endian throughout:
///
///     magic "ESPSHRD1" · UInt32 images, channels, height, width, 1 if labelled else 0
///     Float64 mean per channel · Float64 std per channel
///     UInt8 pixels [N, C, H, W] · Int32 labels [N], if labelled
///     the SHA-256 of all this in 64 hexadecimal digits
extension ImageShard {
  private static let magic = Array("ESPSHRD1".utf8)
  private static let digestLength = 64
  private static let headerLength = 8 + 5 * 4

  public func encoded() -> Data {
    var data = Data(Self.magic)
    let header = [count] + shape + [labels == nil ? 0 : 1]
    for number in header { data.append(littleEndian: UInt32(number)) }
    for number in mean + std { data.append(littleEndian: number.bitPattern) }
    data.append(contentsOf: pixels)
    for label in labels ?? [] { data.append(littleEndian: Int32(label)) }
    data.append(contentsOf: Digest(of: data).hex.utf8)
    return data
  }

  /// - Throws: ``DatasetError`` with `shard` for anything that ``encoded()`` did not write.
  public init(decoding data: Data) throws(DatasetError) {
    let bytes = [UInt8](data)
    guard bytes.count >= Self.headerLength + Self.digestLength else {
      throw Self.damaged("it ends after \(bytes.count) bytes")
    }
    guard bytes.starts(with: Self.magic) else {
      throw Self.damaged("it does not start as a shard of this version")
    }
    let content = bytes.dropLast(Self.digestLength)
    guard Digest(of: Data(content)).hex.utf8.elementsEqual(bytes.suffix(Self.digestLength)) else {
      throw Self.damaged("its digest does not match its content")
    }
    // The digest matches, but anybody can compute one: lengths are checked all the same.
    let header = (0..<5).map { bytes.littleEndian(UInt32.self, at: 8 + 4 * $0) }.map(Int.init)
    let (count, shape, isLabelled) = (header[0], Array(header[1...3]), header[4])
    guard count > 0, shape.allSatisfy({ (1...1 << 16).contains($0) }), isLabelled <= 1 else {
      throw Self.damaged("it claims \(count) images of shape \(shape)")
    }
    let pixelCount = count.multipliedReportingOverflow(by: shape.elementCount)
    let statisticsEnd = Self.headerLength + 16 * shape[0]
    guard !pixelCount.overflow, pixelCount.partialValue <= content.count,
      content.count == statisticsEnd + pixelCount.partialValue + 4 * count * isLabelled
    else { throw Self.damaged("its length does not fit \(count) images of shape \(shape)") }

    let statistics = (0..<2 * shape[0]).map {
      Double(bitPattern: bytes.littleEndian(UInt64.self, at: Self.headerLength + 8 * $0))
    }
    let mean = Array(statistics[..<shape[0]])
    let std = Array(statistics[shape[0]...])
    let pixelsEnd = statisticsEnd + pixelCount.partialValue
    let labels = (0..<count * isLabelled).map {
      Int(bytes.littleEndian(Int32.self, at: pixelsEnd + 4 * $0))
    }
    guard mean.allSatisfy(\.isFinite), std.allSatisfy({ $0.isFinite && $0 > 0 }),
      labels.allSatisfy({ $0 >= 0 })
    else { throw Self.damaged("its normalisation or labels are impossible") }
    self.init(
      shape: shape, pixels: Array(bytes[statisticsEnd..<pixelsEnd]),
      labels: isLabelled == 1 ? labels : nil, mean: mean, std: std)
  }

  private static func damaged(_ reason: String) -> DatasetError {
    DatasetError(.shard, "an image shard is damaged: \(reason); compute it again from the data set")
  }
}

extension Data {
  fileprivate mutating func append(littleEndian value: some FixedWidthInteger) {
    Swift.withUnsafeBytes(of: value.littleEndian) { append(contentsOf: $0) }
  }
}

extension [UInt8] {
  /// The integer in the bytes from `offset` on.
  func littleEndian<Number: FixedWidthInteger>(_: Number.Type, at offset: Int) -> Number {
    let size = Number.bitWidth / 8
    return self[offset..<offset + size].reversed().reduce(0) {
      // The first step shifts a zero: even one byte's width is no problem.
      $0 << 8 | Number(truncatingIfNeeded: $1)
    }
  }
}
