import Foundation

/// What a column can be read as, from the server's text form.
public protocol PostgresDecodable: Sendable {
  /// - Parameter text: The column's text; nil for null.
  /// - Returns: The value, or nil if `text` is none of this type.
  static func decode(_ text: String?) -> Self?
}

extension Optional: PostgresDecodable where Wrapped: PostgresDecodable {
  public static func decode(_ text: String?) -> Wrapped?? {
    guard let text else { return .some(.none) }
    return Wrapped.decode(text).map(Optional.some)
  }
}

extension String: PostgresDecodable {
  public static func decode(_ text: String?) -> String? { text }
}

extension Int: PostgresDecodable {
  public static func decode(_ text: String?) -> Int? { text.flatMap { Int($0) } }
}

extension Int64: PostgresDecodable {
  public static func decode(_ text: String?) -> Int64? { text.flatMap { Int64($0) } }
}

extension Double: PostgresDecodable {
  public static func decode(_ text: String?) -> Double? { text.flatMap { Double($0) } }
}

extension Bool: PostgresDecodable {
  public static func decode(_ text: String?) -> Bool? {
    text == "t" ? true : text == "f" ? false : nil
  }
}

extension UUID: PostgresDecodable {
  public static func decode(_ text: String?) -> UUID? { text.flatMap { UUID(uuidString: $0) } }
}

extension Data: PostgresDecodable {
  /// bytea as its bytes; anything else, such as jsonb, as its UTF-8 text.
  public static func decode(_ text: String?) -> Data? {
    guard let text else { return nil }
    guard text.hasPrefix("\\x") else { return Data(text.utf8) }
    let digits = text.utf8.dropFirst(2)
    var bytes = Data(capacity: digits.count / 2)
    var high: UInt8?
    for digit in digits {
      guard let value = hexadecimal(digit) else { return nil }
      if let first = high {
        bytes.append(first << 4 | value)
        high = nil
      } else {
        high = value
      }
    }
    return high == nil ? bytes : nil
  }

  private static func hexadecimal(_ digit: UInt8) -> UInt8? {
    switch digit {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): digit - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): digit - UInt8(ascii: "a") + 10
    default: nil
    }
  }
}

extension Date: PostgresDecodable {
  /// A timestamptz in ISO form and UTC, both of which ``Connection`` sets: `2026-01-31 12:00:00.25+00`.
  public static func decode(_ text: String?) -> Date? {
    guard let text, text.hasSuffix("+00") else { return nil }
    let fields = text.dropLast(3).split { "- :".contains($0) }
    guard fields.count == 6, let second = Double(fields[5]) else { return nil }
    var components = DateComponents()
    components.year = Int(fields[0])
    components.month = Int(fields[1])
    components.day = Int(fields[2])
    components.hour = Int(fields[3])
    components.minute = Int(fields[4])
    var calendar = Calendar(identifier: .gregorian)
    calendar.timeZone = .gmt
    return calendar.date(from: components)?.addingTimeInterval(second)
  }
}

extension Array: PostgresDecodable where Element: PostgresDecodable {
  /// A one-dimensional array; `{}` is empty.
  public static func decode(_ text: String?) -> [Element]? {
    guard let text, text.hasPrefix("{"), text.hasSuffix("}") else { return nil }
    var elements: [Element] = []
    var bytes: [UInt8] = []
    var isQuoted = false
    var wasQuoted = false
    var isEscaped = false
    func take() -> Bool {
      let item = String(decoding: bytes, as: UTF8.self)
      guard let element = Element.decode(!wasQuoted && item == "NULL" ? nil : item) else {
        return false
      }
      elements.append(element)
      bytes.removeAll(keepingCapacity: true)
      wasQuoted = false
      return true
    }
    let content = text.utf8.dropFirst().dropLast()
    if content.isEmpty { return [] }
    for byte in content {
      switch byte {
      case _ where isEscaped:
        bytes.append(byte)
        isEscaped = false
      case UInt8(ascii: "\\"): isEscaped = true
      case UInt8(ascii: "\""):
        isQuoted.toggle()
        wasQuoted = true
      case UInt8(ascii: ",") where !isQuoted:
        guard take() else { return nil }
      default: bytes.append(byte)
      }
    }
    return take() ? elements : nil
  }
}
