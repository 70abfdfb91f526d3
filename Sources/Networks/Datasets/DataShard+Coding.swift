import Digests
import Foundation
import Tensors

/// The bytes a shard travels in, little-endian throughout:
///
///     magic "ESPSHRD2" · UInt32 samples, inputs, 1 if labelled else 0
///     for each input: UInt32 length, name in UTF-8 (empty for none) · UInt32 rank, extents
///                     UInt32 0 for pixels, 1 for values
///                     for pixels: UInt32 channels · Float64 mean per channel · Float64 std
///     for each input: its elements, UInt8 or Float32
///     Int32 labels, if labelled
///     the SHA-256 of all this in 64 hexadecimal digits
extension DataShard {
  private static let magic = Array("ESPSHRD2".utf8)
  private static let digestLength = 64

  public func encoded() -> Data {
    var data = header
    for input in inputs { input.withContent { data.append($0) } }
    data.append(labelBytes)
    data.append(contentsOf: Digest(of: data).hex.utf8)
    return data
  }

  /// The digest of names, shapes, elements, normalisation and labels.
  public var digest: Digest {
    let contents = inputs.map { $0.withContent { Digest(of: $0).hex } }
    return Digest(parts: [Digest(of: header).hex] + contents + [Digest(of: labelBytes).hex])
  }

  private var header: Data {
    var data = Data(Self.magic)
    for number in [count, inputs.count, labels == nil ? 0 : 1] { data.append(number: number) }
    for input in inputs {
      let name = Array((input.name ?? "").utf8)
      data.append(number: name.count)
      data.append(contentsOf: name)
      for number in [input.shape.count] + input.shape { data.append(number: number) }
      switch input.storage {
      case .values: data.append(number: 1)
      case .pixels(_, let normalisation):
        data.append(number: 0)
        data.append(number: normalisation.mean.count)
        for number in normalisation.mean + normalisation.std {
          data.append(littleEndian: number.bitPattern)
        }
      }
    }
    return data
  }

  private var labelBytes: Data {
    var data = Data()
    for label in labels ?? [] { data.append(littleEndian: Int32(label)) }
    return data
  }

  /// - Throws: ``DatasetError`` with `shard` for anything that ``encoded()`` did not write.
  public init(decoding data: Data) throws(DatasetError) {
    guard data.count >= Self.magic.count + Self.digestLength else {
      throw .damagedShard("it ends after \(data.count) bytes")
    }
    guard data.starts(with: Self.magic) else {
      throw .damagedShard("it does not start as a shard of this version")
    }
    let content = data.dropLast(Self.digestLength)
    guard Digest(of: content).hex.utf8.elementsEqual(data.suffix(Self.digestLength)) else {
      throw .damagedShard("its digest does not match its content")
    }
    // The digest matches, but anybody can compute one: lengths are checked all the same.
    var reader = ShardReader(content.dropFirst(Self.magic.count))
    let (count, inputCount) = (try reader.number(), try reader.number())
    let isLabelled = try reader.number(below: 2) == 1
    guard count > 0, inputCount > 0 else {
      throw .damagedShard("it claims \(count) samples of \(inputCount) inputs")
    }
    var headers: [ShardReader.InputHeader] = []
    for _ in 0..<inputCount { headers.append(try reader.inputHeader(samples: count)) }
    var inputs: [InputColumn] = []
    for header in headers { inputs.append(try reader.input(header)) }
    let labels = isLabelled ? try reader.labels(count) : nil
    try reader.finish()
    self.init(inputs: inputs, labels: labels)
  }
}

extension InputColumn {
  /// The elements' bytes, which are not copied where this machine is little-endian already.
  fileprivate func withContent<Result>(_ body: (Data) -> Result) -> Result {
    func lend(_ bytes: UnsafeRawBufferPointer) -> Result {
      guard let start = bytes.baseAddress, !bytes.isEmpty else { return body(Data()) }
      return body(
        Data(
          bytesNoCopy: UnsafeMutableRawPointer(mutating: start), count: bytes.count,
          deallocator: .none))
    }
    switch storage {
    case .pixels(let pixels, _): return pixels.withUnsafeBytes(lend)
    case .values(let values):
      guard UInt32(1).littleEndian == 1 else {
        return values.map(\.bitPattern.littleEndian).withUnsafeBytes(lend)
      }
      return values.withUnsafeBytes(lend)
    }
  }
}

extension Data {
  fileprivate mutating func append(number: Int) { append(littleEndian: UInt32(number)) }

  fileprivate mutating func append(littleEndian value: some FixedWidthInteger) {
    Swift.withUnsafeBytes(of: value.littleEndian) { append(contentsOf: $0) }
  }
}

extension DatasetError {
  static func damagedShard(_ reason: String) -> DatasetError {
    DatasetError(.shard, "a data shard is damaged: \(reason); compute it again from the data set")
  }
}
