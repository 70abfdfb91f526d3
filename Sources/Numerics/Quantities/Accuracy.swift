import Foundation

/// The share of images a network classifies correctly, in 0…1, printed as "91.50 %".
public struct Accuracy: Sendable, Hashable, Codable, Comparable, CustomStringConvertible {
  /// In 0…1.
  public let fraction: Double

  /// Correctly classified images out of all.
  ///
  /// - Precondition: 0 ≤ correct ≤ total and total > 0.
  public init(correct: Int, total: Int) {
    precondition(
      total > 0 && (0...total).contains(correct), "\(correct) correct out of \(total) images")
    fraction = Double(correct) / Double(total)
  }

  /// A fraction in 0…1; nil outside, and for NaN.
  public init?(fraction: Double) {
    guard (0...1).contains(fraction) else { return nil }
    self.fraction = fraction
  }

  /// Where the true share lies with 95 % confidence, in 0…1: Wilson's score interval, which is right
  /// for few images and for shares near 0 and 1 too.
  ///
  /// - Precondition: 0 ≤ correct ≤ total and total > 0.
  public static func interval(correct: Int, total: Int) -> ClosedRange<Double> {
    let share = Accuracy(correct: correct, total: total).fraction
    let (n, z) = (Double(total), 1.959963984540054)
    let centre = share + z * z / (2 * n)
    let spread = z * (share * (1 - share) / n + z * z / (4 * n * n)).squareRoot()
    let scale = 1 + z * z / n
    let low = max(0, min(share, (centre - spread) / scale))
    return low...min(1, max(share, (centre + spread) / scale))
  }

  public init(from decoder: any Decoder) throws {
    let fraction = try decoder.singleValueContainer().decode(Double.self)
    guard let accuracy = Accuracy(fraction: fraction) else {
      throw DecodingError.dataCorrupted(
        .init(codingPath: decoder.codingPath, debugDescription: "accuracy \(fraction) outside 0…1"))
    }
    self = accuracy
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(fraction)
  }

  public static func < (a: Accuracy, b: Accuracy) -> Bool { a.fraction < b.fraction }

  public var description: String { String(format: "%.2f %%", fraction * 100) }
}
