import Foundation

/// Variants as text for people and programs.
public enum VariantRendering: String, Sendable, CaseIterable {
  case table, json, csv

  /// The text, with a newline at its end.
  public func render(_ variants: [Variant]) throws -> String {
    switch self {
    case .table: VariantTable.text(variants)
    case .json: try Self.json(variants)
    case .csv: VariantCSV.text(variants)
    }
  }

  /// An array of objects with every key, null where there is no value.
  static func json(_ variants: [Variant]) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    return String(decoding: try encoder.encode(variants), as: UTF8.self) + "\n"
  }
}
