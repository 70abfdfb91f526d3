import Foundation

/// What a width of a group is worth.
public enum Utility: Sendable, Hashable, Codable {
  /// I · log(w / W): no group is ever emptied.
  case log(importance: Double)
  /// I · w / W, the objective as published (ITPruner, arXiv 2108.08532).
  case linear(importance: Double)
  /// −weight · error at the width, measured; the dense width has error 0.
  ///
  /// Only widths in the table, and the dense one, can be chosen.
  case error(table: [Int: Double], weight: Double)

  /// The worth of `width` of `dense` channels; nil where it was not measured.
  public func value(width: Int, dense: Int) -> Double? {
    let ratio = Double(width) / Double(dense)
    switch self {
    case .log(let importance): return importance * Foundation.log(ratio)
    case .linear(let importance): return importance * ratio
    case .error(let table, let weight):
      if let error = table[width] { return -weight * error }
      return width == dense ? 0 : nil
    }
  }
}
