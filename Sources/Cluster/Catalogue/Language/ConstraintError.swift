/// A constraint that cannot be understood, and where.
public struct ConstraintError: Error, Sendable, Hashable, CustomStringConvertible {
  public enum Code: String, Sendable, Hashable {
    /// A character or a string that is no token.
    case malformed
    /// A token where another belongs.
    case unexpected
    case unknownField
    /// A literal that a field cannot be compared with.
    case wrongUnit
  }

  public let code: Code
  /// What is wrong and what would be right, in one line.
  public let problem: String
  /// The constraint as it was written.
  public let source: String
  /// The characters of `source` that are meant; empty at its end.
  public let place: Range<Int>

  /// The problem, the constraint and a caret below the place.
  public var message: String {
    // A tab or newline would move the caret away from its place.
    let line = String(source.map { $0.isWhitespace ? " " : $0 })
    let marks =
      String(repeating: " ", count: place.lowerBound) + "^"
      + String(repeating: "~", count: max(0, place.count - 1))
    return "\(problem)\n  \(line)\n  \(marks)"
  }

  public var description: String { message }
}
