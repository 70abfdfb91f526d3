import Postgres

extension Constraint {
  /// The condition over variants v and sweeps s; every literal is bound, none is text.
  var sql: SQL {
    switch self {
    case .comparison(let field, .notEqual, let value):
      "not \(field.match { "\($0) = \(value.sql)" })"
    case .comparison(let field, let comparison, let value):
      field.match { "\($0) \(unescaped: comparison.rawValue) \(value.sql)" }
    case .membership(let field, let values, let isNegated):
      negated(isNegated, field.match { "\($0) in (\(values.map(\.sql).joined(separator: ", ")))" })
    case .range(let field, let lower, let upper, let isNegated):
      negated(isNegated, field.match { "\($0) between \(lower.sql) and \(upper.sql)" })
    case .pattern(let field, let pattern, let isNegated):
      negated(isNegated, field.match { "\($0) like \(pattern)" })
    case .null(let field, let isNegated):
      negated(isNegated, field.match { "\($0) is null" })
    case .all(let parts): "(\(parts.map(\.sql).joined(separator: " and ")))"
    case .any(let parts): "(\(parts.map(\.sql).joined(separator: " or ")))"
    case .not(let part): "not \(part.sql)"
    }
  }

  private func negated(_ isNegated: Bool, _ condition: SQL) -> SQL {
    isNegated ? "not \(condition)" : condition
  }
}

extension Field {
  /// Any of the field's columns matches.
  func match(_ condition: (SQL) -> SQL) -> SQL {
    let parts = columns.map { condition(SQL(unescaped: $0)) }
    return "(\(parts.joined(separator: " or ")))"
  }
}

extension Constraint.Literal {
  var sql: SQL {
    switch self {
    case .whole(let value): "\(value)"
    case .number(let value): "\(value)"
    case .text(let value): "\(value)::text"
    }
  }
}
