import CCrypto
import Foundation

/// A SHA-256 digest: the name of a content, or of everything a computation depends on.
public struct Digest: Hashable, Sendable, Codable, Comparable, CustomStringConvertible {
  /// 64 lowercase hexadecimal digits.
  public let hex: String

  /// The digest of `data`.
  public init(of data: Data) {
    var bytes = [UInt8](repeating: 0, count: Int(SHA256_DIGEST_LENGTH))
    data.withUnsafeBytes { content in
      _ = SHA256(content.baseAddress?.assumingMemoryBound(to: UInt8.self), content.count, &bytes)
    }
    let digits = Array("0123456789abcdef".utf8)
    hex = String(
      decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
  }

  /// A digest written in hexadecimal; nil if `hex` is none.
  public init?(hex: String) {
    guard hex.utf8.count == 64,
      hex.utf8.allSatisfy({ (48...57).contains($0) || (97...102).contains($0) })
    else { return nil }
    self.hex = hex
  }

  /// The digest of parts in order, each preceded by its length: no two lists collide by shifting.
  public init(parts: [String]) {
    var joined = Data()
    for part in parts { joined.append(contentsOf: Array("\(part.utf8.count):\(part)".utf8)) }
    self.init(of: joined)
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

  public static func < (a: Digest, b: Digest) -> Bool { a.hex < b.hex }

  public var description: String { hex }

  /// The first twelve digits, for people.
  public var short: String { String(hex.prefix(12)) }
}
