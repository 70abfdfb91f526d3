import Foundation

extension Amount {
  /// Reads an amount: "60M", "400k", "1.5MB", "2 GiB", "50%", "60_000_000", "1e6".
  ///
  /// Prefixes k, M, G and T are decimal, Ki, Mi, Gi and Ti binary; a space before the unit is
  /// allowed. Upper and lower case matter, because a lower-case m is a thousandth.
  /// Times and energies always have a unit: "5ms", "0.2 mJ".
  ///
  /// - Parameter dimension: Which units are allowed; `.bytes` allows those of counts, too.
  /// - Throws: ``QuantityError`` with every code.
  public init(parsing text: String, as dimension: Dimension = .bytes) throws(QuantityError) {
    let trimmed = text.trimmingCharacters(in: .whitespaces)
    guard !trimmed.isEmpty else {
      throw QuantityError(.empty, text, "nothing is written", dimension)
    }
    let digits = trimmed.prefix { $0.isASCII && ($0.isNumber || "+-._eE".contains($0)) }
    let unit = trimmed.dropFirst(digits.count).trimmingCharacters(in: .whitespaces)
    guard let number = Self.number(digits) else {
      throw QuantityError(.notANumber, text, "it does not start with a number", dimension)
    }
    guard number.sign == .plus else {
      throw QuantityError(.negative, text, "it is negative", dimension)
    }
    if unit == "%" {
      self = .share(number / 100)
      return
    }
    let value = number * (try Self.factor(of: unit, in: text, dimension))
    guard value < 0x1p63 else {
      throw QuantityError(.tooLarge, text, "it is beyond \(Int64.max)", dimension)
    }
    self = .absolute(value)
  }

  /// The number in decimal digits; nil for what `Double` reads beside them, such as "inf".
  private static func number(_ digits: Substring) -> Double? {
    guard let first = digits.drop(while: { "+-".contains($0) }).first,
      first.isNumber || first == ".", digits.last != "_",
      let value = Double(digits.filter { $0 != "_" }), value.isFinite
    else { return nil }
    return value
  }

  private static let prefixes: [(name: String, factor: Double)] = [
    ("", 1), ("k", 1e3), ("K", 1e3), ("M", 1e6), ("G", 1e9), ("T", 1e12),
  ]
  private static let binaryPrefixes: [(name: String, factor: Double)] = [
    ("Ki", 0x1p10), ("Mi", 0x1p20), ("Gi", 0x1p30), ("Ti", 0x1p40),
  ]

  private static let billionths: [(name: String, factor: Double)] = [
    ("n", 1), ("u", 1e3), ("µ", 1e3), ("μ", 1e3), ("m", 1e6), ("", 1e9),
  ]

  /// What a unit of time or energy is in billionths of a second or joule.
  private static func smallFactor(
    of unit: String, in text: String, _ dimension: Dimension
  ) throws(QuantityError) -> Double {
    let base = dimension == .time ? "s" : "J"
    guard let known = billionths.first(where: { $0.name + base == unit }) else {
      let problem =
        unit.isEmpty
        ? "it has no unit, and m\(base) and \(base) are both likely"
        : "'\(unit)' is no unit of \(dimension.rawValue)"
      throw QuantityError(unit.isEmpty ? .wrongDimension : .unknownUnit, text, problem, dimension)
    }
    return known.factor
  }

  private static func factor(
    of unit: String, in text: String, _ dimension: Dimension
  ) throws(QuantityError) -> Double {
    if dimension == .time || dimension == .energy {
      return try smallFactor(of: unit, in: text, dimension)
    }
    if let plain = prefixes.first(where: { $0.name == unit }) { return plain.factor }
    let sizes = (prefixes + binaryPrefixes).map { (name: $0.name + "B", factor: $0.factor) }
    if let size = sizes.first(where: { $0.name == unit }) {
      guard dimension == .bytes else {
        throw QuantityError(
          .wrongDimension, text, "'\(unit)' is a unit of bytes, but this is a count", dimension)
      }
      return size.factor
    }
    let known = dimension == .bytes ? prefixes + sizes : prefixes
    let meant = known.first { $0.name.lowercased() == unit.lowercased() }
    let hint =
      unit.hasPrefix(",")
      ? " (decimals are written with a point)"
      : meant.map { " (did you mean '\($0.name)'?)" } ?? ""
    throw QuantityError(.unknownUnit, text, "'\(unit)' is no unit known here\(hint)", dimension)
  }
}
