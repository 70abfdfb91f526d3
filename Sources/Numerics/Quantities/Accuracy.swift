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
