import CCrypto
import Foundation

/// A SHA-256 digest: the name of a content, or of everything a computation depends on.
public struct Digest: Hashable, Sendable, Codable, Comparable, CustomStringConvertible {
  /// The 32 bytes, the first of them the highest of the first word. Inline, because a coordinator
  /// holds hundreds of thousands.
  private let words: Words

  private struct Words: Hashable, Sendable {
    var first: UInt64 = 0
    var second: UInt64 = 0
    var third: UInt64 = 0
    var fourth: UInt64 = 0
  }

  /// The digest of `data`.
  public init(of data: Data) {
    words = withUnsafeTemporaryAllocation(
      byteCount: Int(SHA256_DIGEST_LENGTH), alignment: MemoryLayout<UInt64>.alignment
    ) { bytes in
      data.withUnsafeBytes { content in
        _ = SHA256(
          content.baseAddress?.assumingMemoryBound(to: UInt8.self), content.count,
          bytes.baseAddress?.assumingMemoryBound(to: UInt8.self))
      }
      func word(_ place: Int) -> UInt64 {
        UInt64(bigEndian: bytes.load(fromByteOffset: 8 * place, as: UInt64.self))
      }
      return Words(first: word(0), second: word(1), third: word(2), fourth: word(3))
    }
  }

  /// A digest written in hexadecimal; nil if `hex` is none.
  public init?(hex: String) {
    var values: [4 of UInt64] = [0, 0, 0, 0]
    var place = 0
    for digit in hex.utf8 {
      let value: UInt8
      switch digit {
      case UInt8(ascii: "0")...UInt8(ascii: "9"): value = digit - UInt8(ascii: "0")
      case UInt8(ascii: "a")...UInt8(ascii: "f"): value = digit - UInt8(ascii: "a") + 10
      default: return nil
      }
      guard place < 64 else { return nil }
      values[place / 16] = values[place / 16] << 4 | UInt64(value)
      place += 1
    }
    guard place == 64 else { return nil }
    words = Words(first: values[0], second: values[1], third: values[2], fourth: values[3])
  }

  /// The digest of parts in order, each preceded by its length: no two lists collide by shifting.
  public init(parts: [String]) {
    var joined = Data()
    for part in parts { joined.append(contentsOf: Array("\(part.utf8.count):\(part)".utf8)) }
    self.init(of: joined)
  }

  /// 64 lowercase hexadecimal digits.
  public var hex: String {
    String(unsafeUninitializedCapacity: 64) { text in
      var place = 0
      for word in [words.first, words.second, words.third, words.fourth] {
        for shift in stride(from: UInt64(60), through: 0, by: -4) {
          let value = UInt8(truncatingIfNeeded: word >> shift & 15)
          text[place] = value < 10 ? UInt8(ascii: "0") + value : UInt8(ascii: "a") + value - 10
          place += 1
        }
      }
      return place
    }
  }

  public init(from decoder: any Decoder) throws {
    let text = try decoder.singleValueContainer().decode(String.self)
    guard let digest = Digest(hex: text) else {
      throw DecodingError.dataCorrupted(
        .init(codingPath: decoder.codingPath, debugDescription: "'\(text)' is no SHA-256 digest"))
    }
    self = digest
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(hex)
  }

  /// The order of the digits.
  public static func < (a: Digest, b: Digest) -> Bool {
    let (a, b) = (a.words, b.words)
    return (a.first, a.second, a.third, a.fourth) < (b.first, b.second, b.third, b.fourth)
  }

  public var description: String { hex }

  /// The first twelve digits, for people.
  public var short: String { String(hex.prefix(12)) }
}
