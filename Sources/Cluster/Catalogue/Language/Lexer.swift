/// A word of a constraint and where it stands.
struct Token: Hashable {
  enum Kind: Hashable {
    /// A field or a keyword.
    case word
    /// A number with its unit.
    case number
    /// Quoted text, without its quotes.
    case text(String)
    /// An operator, parenthesis or comma.
    case symbol
    case end
  }

  var kind: Kind
  /// As written; operators in their plain form: ≤ is <=.
  var spelling: String
  var place: Range<Int>
}

/// Cuts a constraint into tokens.
struct Lexer {
  private let source: String
  private let characters: [Character]
  private var position = 0

  private static let symbols = ["<=", ">=", "<>", "!=", "==", "<", ">", "=", "(", ")", ","]
  private static let otherSpellings = ["==": "=", "!=": "<>", "≤": "<=", "≥": ">=", "≠": "<>"]

  private init(_ source: String) {
    self.source = source
    characters = Array(source)
  }

  /// The tokens of a constraint, and one for its end.
  static func tokens(of source: String) throws(ConstraintError) -> [Token] {
    var lexer = Lexer(source)
    var tokens: [Token] = []
    while let token = try lexer.next() { tokens.append(token) }
    let end = lexer.characters.count
    return tokens + [Token(kind: .end, spelling: "", place: end..<end)]
  }

  private func peek(_ offset: Int = 0) -> Character? {
    let place = position + offset
    return place < characters.count ? characters[place] : nil
  }

  private mutating func next() throws(ConstraintError) -> Token? {
    while let character = peek(), character.isWhitespace { position += 1 }
    guard let character = peek() else { return nil }
    let start = position
    if character == "'" || character == "\"" { return try text(quote: character) }
    if Self.isDigit(character)
      || ("+-.".contains(character) && peek(1).map(Self.startsNumber) == true)
    {
      number()
      return token(.number, from: start)
    }
    if character.isLetter || character == "_" {
      while let next = peek(), next.isLetter || next.isNumber || "_.".contains(next) {
        position += 1
      }
      return token(.word, from: start)
    }
    let rest = String(characters[position..<min(position + 2, characters.count)])
    if let symbol = (Self.symbols + ["≤", "≥", "≠"]).first(where: rest.hasPrefix) {
      position += symbol.count
      var token = token(.symbol, from: start)
      token.spelling = Self.otherSpellings[symbol] ?? symbol
      return token
    }
    throw ConstraintError(
      code: .malformed, problem: "'\(character)' has no meaning here", source: source,
      place: start..<(start + 1))
  }

  private func token(_ kind: Token.Kind, from start: Int) -> Token {
    Token(kind: kind, spelling: String(characters[start..<position]), place: start..<position)
  }

  private static func isDigit(_ character: Character) -> Bool {
    character.isASCII && character.isNumber
  }

  private static func startsNumber(_ character: Character) -> Bool {
    isDigit(character) || character == "."
  }

  /// Digits, an exponent, and the unit that follows at once; a space may stand before %.
  private mutating func number() {
    position += 1
    while let character = peek() {
      let isSign = "+-".contains(character)
      if isSign, !("eE".contains(characters[position - 1]) && peek(1).map(Self.isDigit) == true) {
        break
      }
      guard isSign || character.isLetter || Self.isDigit(character) || "._%".contains(character)
      else { break }
      position += 1
    }
    var spaces = 0
    while peek(spaces) == " " { spaces += 1 }
    if spaces > 0, peek(spaces) == "%" { position += spaces + 1 }
  }

  /// Text in single or double quotes; a doubled quote stands for one.
  private mutating func text(quote: Character) throws(ConstraintError) -> Token {
    let start = position
    var content = ""
    position += 1
    while let character = peek() {
      position += 1
      if character != quote {
        content.append(character)
      } else if peek() == quote {
        content.append(quote)
        position += 1
      } else {
        return token(.text(content), from: start)
      }
    }
    throw ConstraintError(
      code: .malformed, problem: "the text that starts here has no closing \(quote)",
      source: source, place: start..<characters.count)
  }
}
