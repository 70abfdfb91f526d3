import Foundation

/// An amount as a person writes it: a number of things, or a share of some whole.
public enum Amount: Sendable, Hashable {
  /// A number of things, at least 0: "60M" is 60,000,000.
  case absolute(Double)
  /// A share of a whole, at least 0: "50%" is 0.5.
  case share(Double)

  /// What an amount counts, and so which units it may be written in.
  public enum Dimension: String, Sendable, Hashable {
    /// Plain numbers with the decimal prefixes k, M, G, T.
    case count
    /// The same, and B, kB, MB, GB, TB (decimal) and KiB, MiB, GiB, TiB (binary).
    case bytes
    /// Times in ns, us or µs, ms and s; the amount is in nanoseconds.
    case time
    /// Energies in nJ, uJ or µJ, mJ and J; the amount is in nanojoules.
    case energy
  }

  /// The greatest whole number within this amount.
  ///
  /// A product that misses a whole number only by rounding, such as 29 % of 100, is that number.
  ///
  /// - Parameter whole: What a share is a share of.
  public func limit(of whole: Int64) -> Int64 {
    switch self {
    case .absolute(let value): return Self.floor(value)
    case .share(let share):
      let exact = share * Double(whole)
      let nearest = exact.rounded()
      return Self.floor(abs(exact - nearest) <= 2 * exact.ulp ? nearest : exact)
    }
  }

  private static func floor(_ value: Double) -> Int64 {
    // 2⁶³ − 1 is no Double: the nearest is 2⁶³, one too many for Int64.
    value >= 0x1p63 ? .max : Int64(value.rounded(.down))
  }
}

extension Amount.Dimension {
  /// A number of things with its unit: "60.0M", "1.5 MB", "4.2 ms".
  public func text(_ value: Double) -> String {
    switch self {
    case .count: scaled(value)
    case .bytes: scaled(value, separator: " ", unit: "B")
    case .time: small(value, unit: "s")
    case .energy: small(value, unit: "J")
    }
  }

  /// Billionths of a unit, with three digits.
  private func small(_ value: Double, unit: String) -> String {
    let steps = [("n", 1.0), ("µ", 1e3), ("m", 1e6), ("", 1e9)]
    let step = steps.last { abs(value) >= $0.1 } ?? ("n", 1)
    return String(format: "%.3g %@%@", value / step.1, step.0, unit)
  }
}

extension Amount {
  /// The amount with the units of a dimension.
  public func text(as dimension: Dimension) -> String {
    if case .absolute(let value) = self { dimension.text(value) } else { description }
  }
}

extension Amount: CustomStringConvertible {
  public var description: String {
    switch self {
    case .absolute(let value): return scaled(value)
    case .share(let share):
      let percent = share * 100
      let digits = abs(percent - percent.rounded()) < 1e-9 ? "%.0f%%" : "%.2f%%"
      return String(format: digits, percent)
    }
  }
}

extension Amount: Codable {
  private enum CodingKeys: String, CodingKey { case absolute, share }

  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    if let value = try container.decodeIfPresent(Double.self, forKey: .absolute) {
      self = .absolute(value)
    } else {
      self = .share(try container.decode(Double.self, forKey: .share))
    }
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    switch self {
    case .absolute(let value): try container.encode(value, forKey: .absolute)
    case .share(let share): try container.encode(share, forKey: .share)
    }
  }
}
