import Foundation

/// A statement whose interpolated values travel beside it as `$n`, never inside its text.
///
/// ```swift
/// let sql: SQL = "select id from jobs where key = \(key) and priority > \(3)"
/// // text "select id from jobs where key = $1 and priority > $2", two values
/// ```
///
/// A string is sent without a type, so that the server gives it the type of its place (text, jsonb,
/// an enumeration); where a place has none, cast it: `\(name)::text`. Fragments compose:
/// `"select * from jobs where \(condition)"` with another `SQL` renumbers its values.
public struct SQL: Sendable, ExpressibleByStringInterpolation {
  /// The text between the values: always one more piece than there are values.
  var pieces: [String]
  var values: [PostgresValue]

  public init(stringLiteral text: String) {
    pieces = [text]
    values = []
  }

  public init(stringInterpolation interpolation: Interpolation) {
    pieces = interpolation.pieces
    values = interpolation.values
  }

  /// A statement from text as it stands. For text that is no user's.
  public init(unescaped text: String) { self.init(stringLiteral: text) }

  /// The statement as the server gets it, with `$1`, `$2`, ….
  public var text: String {
    var text = pieces[0]
    for (index, piece) in pieces.dropFirst().enumerated() { text += "$\(index + 1)" + piece }
    return text
  }

  /// How many values are bound.
  public var valueCount: Int { values.count }

  public static func + (a: SQL, b: SQL) -> SQL { "\(a)\(b)" }

  public struct Interpolation: StringInterpolationProtocol, Sendable {
    var pieces = [""]
    var values: [PostgresValue] = []

    public init(literalCapacity: Int, interpolationCount: Int) {}

    public mutating func appendLiteral(_ literal: String) { pieces[pieces.count - 1] += literal }

    /// Binds a value, or null.
    public mutating func appendInterpolation(_ value: (some PostgresEncodable)?) {
      values.append(value?.postgresValue ?? .null)
      pieces.append("")
    }

    /// Binds JSON text as jsonb, or null.
    public mutating func appendInterpolation(json: Data?) {
      values.append(json.map { .text(String(decoding: $0, as: UTF8.self), type: .jsonb) } ?? .null)
      pieces.append("")
    }

    /// Puts another statement's text and values here.
    public mutating func appendInterpolation(_ fragment: SQL) {
      pieces[pieces.count - 1] += fragment.pieces[0]
      pieces += fragment.pieces.dropFirst()
      values += fragment.values
    }

    /// Puts the quoted name of a table, column or database here.
    public mutating func appendInterpolation(identifier: String) {
      appendLiteral("\"" + identifier.replacingOccurrences(of: "\"", with: "\"\"") + "\"")
    }

    /// Puts text here as it stands. For text that is no user's: a keyword, a column list.
    public mutating func appendInterpolation(unescaped text: String) { appendLiteral(text) }
  }
}

extension Sequence<SQL> {
  /// The fragments in order with `separator` between them.
  public func joined(separator: SQL) -> SQL {
    reduce(into: SQL?.none) { joined, part in joined = joined.map { $0 + separator + part } ?? part
    }
      ?? ""
  }
}
