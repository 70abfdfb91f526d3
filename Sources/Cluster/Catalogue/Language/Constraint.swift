/// A condition on variants: fields compared with literals of their kind.
public indirect enum Constraint: Sendable, Hashable {
  public enum Comparison: String, Sendable, Hashable, CaseIterable {
    case equal = "="
    case notEqual = "<>"
    case less = "<"
    case lessOrEqual = "<="
    case greater = ">"
    case greaterOrEqual = ">="
  }

  /// A value in the field's own unit.
  public enum Literal: Sendable, Hashable {
    case whole(Int64)
    case number(Double)
    case text(String)
  }

  case comparison(Field, Comparison, Literal)
  case membership(Field, [Literal], isNegated: Bool)
  case range(Field, Literal, Literal, isNegated: Bool)
  /// `like`: % stands for any text, _ for any character.
  case pattern(Field, String, isNegated: Bool)
  case null(Field, isNegated: Bool)
  case all([Constraint])
  case any([Constraint])
  case not(Constraint)

  /// Reads a constraint such as `macs <= 60M and device.class in ('phone', 'watch')`.
  ///
  ///     or-list   = and-list { "or" and-list }
  ///     and-list  = condition { "and" condition }
  ///     condition = "not" condition | "(" or-list ")" | field predicate
  ///     predicate = comparison literal | ["not"] "in" "(" literal { "," literal } ")"
  ///               | ["not"] "between" literal "and" literal | ["not"] "like" text
  ///               | "is" ["not"] "null"
  ///
  /// Keywords and field names are read in any case. A field without a value meets no comparison.
  ///
  /// - Throws: ``ConstraintError``, with a caret under the place.
  public init(parsing source: String) throws(ConstraintError) {
    var parser = ConstraintParser(source: source, tokens: try Lexer.tokens(of: source))
    self = try parser.constraint()
  }
}
