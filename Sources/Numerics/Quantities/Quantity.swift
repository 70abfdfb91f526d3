import Foundation

/// A whole number of one kind of thing: units as types, so that MACs never meet bytes.
///
/// Coded as a plain integer. Sums trap on overflow, as `Int64` does.
public protocol Quantity: Sendable, Hashable, Codable, Comparable, AdditiveArithmetic,
  ExpressibleByIntegerLiteral, CustomStringConvertible
{
  /// How many there are.
  var count: Int64 { get }
  init(_ count: Int64)
}

extension Quantity {
  public init(integerLiteral value: Int64) { self.init(value) }
  public init(_ count: Int) { self.init(Int64(count)) }

  public init(from decoder: any Decoder) throws {
    self.init(try decoder.singleValueContainer().decode(Int64.self))
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(count)
  }

  public static var zero: Self { Self(Int64(0)) }
  public static func + (a: Self, b: Self) -> Self { Self(a.count + b.count) }
  public static func - (a: Self, b: Self) -> Self { Self(a.count - b.count) }
  public static func < (a: Self, b: Self) -> Bool { a.count < b.count }

  /// This quantity as a part of `whole`; nil if `whole` is zero.
  public func share(of whole: Self) -> Double? {
    whole.count == 0 ? nil : Double(count) / Double(whole.count)
  }
}

/// Multiply–accumulate operations of one forward pass of one image; FLOPs are twice as many.
public struct MACs: Quantity {
  public let count: Int64
  public init(_ count: Int64) { self.count = count }
  public var description: String { scaled(Double(count)) }
}

/// Numbers that training learned: weights, biases and normalisation parameters.
public struct ParameterCount: Quantity {
  public let count: Int64
  public init(_ count: Int64) { self.count = count }
  public var description: String { scaled(Double(count)) }
}

/// A size in memory or on disk, printed in decimal units (1 MB = 10⁶ bytes).
public struct Bytes: Quantity {
  public let count: Int64
  public init(_ count: Int64) { self.count = count }
  public var description: String { scaled(Double(count), separator: " ", unit: "B") }
}

/// Prints a number with one decimal and the prefix k, M, G or T: "60.0M", "1.5 MB", "999".
func scaled(_ value: Double, separator: String = "", unit: String = "") -> String {
  var magnitude = abs(value)
  let prefixes = ["", "k", "M", "G", "T"]
  var step = 0
  // 999.95 would print as 1000.0: the next prefix takes over where rounding does.
  while magnitude >= (step == 0 ? 1000 : 999.95), step < prefixes.count - 1 {
    magnitude /= 1000
    step += 1
  }
  let sign = value < 0 ? "-" : ""
  let isWhole = step == 0 && magnitude == magnitude.rounded()
  let number = String(format: isWhole ? "%.0f" : "%.1f", magnitude)
  let suffix = prefixes[step] + unit
  return sign + number + (suffix.isEmpty ? "" : separator + suffix)
}
