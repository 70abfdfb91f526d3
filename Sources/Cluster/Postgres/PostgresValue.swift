import Foundation

/// A value on its way to the server: its type, and its bytes in text or binary form.
public struct PostgresValue: Sendable, Hashable {
  /// An object id of `pg_type`; `unspecified` lets the server decide from the place.
  public struct TypeID: Sendable, Hashable {
    public var rawValue: UInt32
    public static let unspecified = TypeID(rawValue: 0)
    static let bool = TypeID(rawValue: 16)
    static let bytea = TypeID(rawValue: 17)
    static let int8 = TypeID(rawValue: 20)
    static let float8 = TypeID(rawValue: 701)
    static let textArray = TypeID(rawValue: 1009)
    static let int8Array = TypeID(rawValue: 1016)
    static let float8Array = TypeID(rawValue: 1022)
    static let timestamptz = TypeID(rawValue: 1184)
    static let uuid = TypeID(rawValue: 2950)
    static let jsonb = TypeID(rawValue: 3802)
  }

  var type: TypeID
  var isBinary: Bool
  /// Nil is null.
  var bytes: [UInt8]?

  static let null = PostgresValue(type: .unspecified, isBinary: false, bytes: nil)

  static func text(_ text: String, type: TypeID) -> PostgresValue {
    PostgresValue(type: type, isBinary: false, bytes: Array(text.utf8))
  }
}

/// What can stand in an SQL interpolation.
public protocol PostgresEncodable: Sendable {
  var postgresValue: PostgresValue { get }
}

extension String: PostgresEncodable {
  public var postgresValue: PostgresValue { .text(self, type: .unspecified) }
}

extension Int: PostgresEncodable {
  public var postgresValue: PostgresValue { .text(String(self), type: .int8) }
}

extension Int64: PostgresEncodable {
  public var postgresValue: PostgresValue { .text(String(self), type: .int8) }
}

extension Double: PostgresEncodable {
  // Swift prints the shortest text that reads back as the same number; the server reads all of it,
  // "inf" and "nan" included.
  public var postgresValue: PostgresValue { .text(description, type: .float8) }
}

extension Bool: PostgresEncodable {
  public var postgresValue: PostgresValue { .text(self ? "t" : "f", type: .bool) }
}

extension UUID: PostgresEncodable {
  public var postgresValue: PostgresValue { .text(uuidString, type: .uuid) }
}

extension Data: PostgresEncodable {
  public var postgresValue: PostgresValue {
    PostgresValue(type: .bytea, isBinary: true, bytes: Array(self))
  }
}

extension Date: PostgresEncodable {
  /// To the microsecond, which is what the server keeps.
  public var postgresValue: PostgresValue {
    let microseconds = (timeIntervalSince1970 - Self.postgresEpoch) * 1e6
    let bounded = Int64(exactly: microseconds.rounded()) ?? (microseconds < 0 ? .min : .max)
    return PostgresValue(
      type: .timestamptz, isBinary: true,
      bytes: withUnsafeBytes(of: bounded.bigEndian) { Array($0) })
  }

  /// 2000-01-01 in seconds since 1970: the zero of PostgreSQL's binary times.
  private static let postgresEpoch = 946_684_800.0
}

/// An element of an array that can be bound.
public protocol PostgresArrayElement: PostgresEncodable {
  static var arrayType: PostgresValue.TypeID { get }
  /// The element as it stands between the braces of `{…}`.
  var arrayLiteral: String { get }
}

extension String: PostgresArrayElement {
  public static var arrayType: PostgresValue.TypeID { .textArray }
  public var arrayLiteral: String {
    // Bytes, not characters: payloads are thousands of bytes, and there are thousands of them.
    var bytes: [UInt8] = [UInt8(ascii: "\"")]
    bytes.reserveCapacity(utf8.count + utf8.count / 8 + 2)
    for byte in utf8 {
      if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") {
        bytes.append(UInt8(ascii: "\\"))
      }
      bytes.append(byte)
    }
    bytes.append(UInt8(ascii: "\""))
    return String(decoding: bytes, as: UTF8.self)
  }
}

extension Int: PostgresArrayElement {
  public static var arrayType: PostgresValue.TypeID { .int8Array }
  public var arrayLiteral: String { String(self) }
}

extension Int64: PostgresArrayElement {
  public static var arrayType: PostgresValue.TypeID { .int8Array }
  public var arrayLiteral: String { String(self) }
}

extension Double: PostgresArrayElement {
  public static var arrayType: PostgresValue.TypeID { .float8Array }
  public var arrayLiteral: String { description }
}

extension Array: PostgresEncodable where Element: PostgresArrayElement {
  public var postgresValue: PostgresValue {
    .text("{" + map(\.arrayLiteral).joined(separator: ",") + "}", type: Element.arrayType)
  }
}
