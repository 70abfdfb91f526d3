/// Reads the grammar of ``Constraint/init(parsing:)`` by recursive descent.
struct ConstraintParser {
  let source: String
  let tokens: [Token]
  private var index = 0
  private var depth = 0

  /// More parentheses than a person writes would exhaust the stack.
  private static let greatestDepth = 200
  private static let keywords: Set<String> = [
    "and", "or", "not", "in", "between", "like", "is", "null",
  ]

  init(source: String, tokens: [Token]) {
    self.source = source
    self.tokens = tokens
  }

  private var token: Token { tokens[index] }

  mutating func constraint() throws(ConstraintError) -> Constraint {
    let result = try orList()
    guard token.kind == .end else {
      throw error(.unexpected, "'and', 'or' or the end belongs here")
    }
    return result
  }

  private mutating func orList() throws(ConstraintError) -> Constraint {
    var parts = [try andList()]
    while accept("or") { parts.append(try andList()) }
    return parts.count == 1 ? parts[0] : .any(parts)
  }

  private mutating func andList() throws(ConstraintError) -> Constraint {
    var parts = [try condition()]
    while accept("and") { parts.append(try condition()) }
    return parts.count == 1 ? parts[0] : .all(parts)
  }

  private mutating func condition() throws(ConstraintError) -> Constraint {
    depth += 1
    defer { depth -= 1 }
    guard depth < Self.greatestDepth else {
      throw error(.malformed, "this is nested too deeply")
    }
    if accept("not") { return .not(try condition()) }
    if accept("(") {
      let inner = try orList()
      try expect(")")
      return inner
    }
    return try predicate(of: try field())
  }

  private mutating func field() throws(ConstraintError) -> Field {
    guard token.kind == .word, !Self.keywords.contains(token.spelling.lowercased()) else {
      throw error(.unexpected, "a field such as macs or accuracy belongs here")
    }
    guard let field = Field.named(token.spelling) else {
      let near = Field.nearest(to: token.spelling).map { "'\($0)'" }
      let hint =
        near.isEmpty
        ? "the fields are \(Field.all.map(\.name).joined(separator: ", "))"
        : "did you mean \(near.joined(separator: " or "))?"
      throw error(.unknownField, "there is no field '\(token.spelling)'; \(hint)")
    }
    index += 1
    return field
  }

  private mutating func predicate(of field: Field) throws(ConstraintError) -> Constraint {
    if accept("is") {
      let isNegated = accept("not")
      try expect("null")
      return .null(field, isNegated: isNegated)
    }
    let isNegated = accept("not")
    if accept("in") {
      try expect("(")
      var values = [try literal(of: field)]
      while accept(",") { values.append(try literal(of: field)) }
      try expect(")")
      return .membership(field, values, isNegated: isNegated)
    }
    if accept("between") {
      let lower = try literal(of: field)
      try expect("and")
      return .range(field, lower, try literal(of: field), isNegated: isNegated)
    }
    if token.spelling.lowercased() == "like", token.kind == .word {
      guard field.kind == .text else {
        throw error(.wrongUnit, "'like' compares text, and \(field.name) is a number")
      }
      index += 1
      guard case .text(let pattern) = token.kind else {
        throw error(.unexpected, "a pattern in quotes belongs here, such as 'resnet%'")
      }
      index += 1
      return .pattern(field, pattern, isNegated: isNegated)
    }
    if !isNegated, token.kind == .symbol,
      let comparison = Constraint.Comparison(rawValue: token.spelling)
    {
      index += 1
      return .comparison(field, comparison, try literal(of: field))
    }
    let expected =
      isNegated ? "in, between or like" : "=, <>, <, <=, >, >=, in, between, like or is"
    throw error(.unexpected, "after '\(field.name)' one of \(expected) belongs here")
  }

  private mutating func literal(of field: Field) throws(ConstraintError) -> Constraint.Literal {
    switch (token.kind, field.kind) {
    case (.end, _), (.symbol, _):
      throw error(.unexpected, "a value belongs here, as in \(field.example)")
    case (.word, .text):
      throw error(.unexpected, "text stands in quotes: '\(token.spelling)'")
    case (.word, _):
      throw error(.unexpected, "a number belongs here, as in \(field.example)")
    case (.text(let text), .text):
      index += 1
      return .text(text)
    case (.number, .text):
      throw error(
        .wrongUnit, "\(field.name) is text, which stands in quotes: '\(token.spelling)'")
    case (.text, _):
      throw error(.wrongUnit, "\(field.name) is a number, as in \(field.example)")
    case (.number, _):
      do {
        let value = try field.number(token.spelling)
        index += 1
        return value
      } catch {
        throw self.error(.wrongUnit, "\(error.problem); write for example \(field.example)")
      }
    }
  }

  private mutating func accept(_ spelling: String) -> Bool {
    guard token.kind == .word || token.kind == .symbol, token.spelling.lowercased() == spelling
    else { return false }
    index += 1
    return true
  }

  private mutating func expect(_ spelling: String) throws(ConstraintError) {
    guard accept(spelling) else { throw error(.unexpected, "'\(spelling)' belongs here") }
  }

  private func error(_ code: ConstraintError.Code, _ problem: String) -> ConstraintError {
    ConstraintError(code: code, problem: problem, source: source, place: token.place)
  }
}
