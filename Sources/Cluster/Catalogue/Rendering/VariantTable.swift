import Foundation
import Quantities

/// Variants as a table: a row for each, columns aligned, figures in the units people read.
enum VariantTable {
  private struct Column {
    var title: String
    var isNumber = true
    /// Left out where no variant has a value.
    var isOptional = false
    var cell: (Variant) -> String
  }

  private static var columns: [Column] {
    [
      Column(title: "ID", isNumber: false) { $0.id },
      Column(title: "SWEEP", isNumber: false) { $0.sweep },
      Column(title: "DEVICE", isNumber: false) { $0.device },
      Column(title: "CLASS", isNumber: false) { $0.deviceClass },
      Column(title: "STATUS", isNumber: false) { $0.status.rawValue },
      Column(title: "MACS") { text($0.macs.map { MACs($0) }) },
      Column(title: "PARAMETERS") { text($0.parameters.map { ParameterCount($0) }) },
      Column(title: "BYTES") { text($0.modelBytes.map { Bytes($0) }) },
      Column(title: "PREDICTED", isOptional: true) { predicted($0) },
      Column(title: "LATENCY", isOptional: true) { time($0.latencySeconds) },
      Column(title: "BEFORE", isOptional: true) { percent($0.accuracyBefore) },
      Column(title: "FITTED", isOptional: true) { percent($0.accuracyFitted) },
      Column(title: "ACCURACY", isOptional: true) { percent($0.accuracy) },
      Column(title: "95 %", isOptional: true) { interval($0) },
      Column(title: "IMAGES", isOptional: true) { text($0.images) },
      Column(title: "SHARED", isOptional: true) {
        $0.sharedImages.flatMap { $0 > 0 ? "\($0)" : nil } ?? none
      },
      Column(title: "TOP5", isOptional: true) { percent($0.accuracyTop5) },
      Column(title: "DENSE", isOptional: true) { percent($0.baselineAccuracy) },
      Column(title: "SAME", isOptional: true) { percent($0.sameClass) },
      Column(title: "COSINE", isOptional: true) {
        $0.cosine.map { String(format: "%.4f", $0) } ?? none
      },
      Column(title: "CRITERION", isNumber: false, isOptional: true) { $0.criterion ?? none },
      Column(title: "FIT", isNumber: false, isOptional: true) { $0.reconstruction ?? none },
      Column(title: "BUDGET") { budget($0) },
      Column(title: "GAP") { $0.gap.map { String(format: "%.2g", $0) } ?? none },
      Column(title: "REASON", isNumber: false) { $0.reason ?? "" },
    ]
  }

  private static let none = "–"

  static func text(_ variants: [Variant]) -> String {
    guard !variants.isEmpty else { return "no variants\n" }
    // A column that is empty everywhere, such as reasons of a sweep without failures, is left out.
    let kept = columns.filter { column in
      variants.contains {
        let cell = column.cell($0)
        return !cell.isEmpty && !(column.isOptional && cell == none)
      }
    }
    let rows =
      [kept.map(\.title)]
      + variants.map { variant in
        kept.map { printable($0.cell(variant)) }
      }
    let widths = kept.indices.map { place in rows.map { $0[place].count }.max() ?? 0 }
    return rows.map { row in
      let cells = row.indices.map { place -> String in
        let space = String(repeating: " ", count: widths[place] - row[place].count)
        return kept[place].isNumber ? space + row[place] : row[place] + space
      }
      var line = cells.joined(separator: "  ")
      while line.hasSuffix(" ") { line.removeLast() }
      return line + "\n"
    }.joined()
  }

  private static func text(_ value: (some CustomStringConvertible)?) -> String {
    value.map { "\($0)" } ?? none
  }

  private static func percent(_ share: Double?) -> String {
    text(share.flatMap { Accuracy(fraction: $0) })
  }

  private static func time(_ seconds: Double?) -> String {
    seconds.map { Amount.Dimension.time.text($0 * 1e9) } ?? none
  }

  /// A prediction with a mark where parts of it were not measured.
  private static func predicted(_ variant: Variant) -> String {
    let mark = ["interpolated": " ~", "estimated": " (estimate)"][variant.latencySource ?? ""]
    return time(variant.predictedLatencySeconds) + (mark ?? "")
  }

  /// "90.1–92.9".
  private static func interval(_ variant: Variant) -> String {
    guard let low = variant.accuracyLow, let high = variant.accuracyHigh else { return none }
    return String(format: "%.1f–%.1f", 100 * low, 100 * high)
  }

  /// The budget nearest to its limit: "macs 99.7 %".
  private static func budget(_ variant: Variant) -> String {
    let shares = (variant.budgets ?? [:]).map { resource, use in
      (resource: resource, share: Double(use.used) / Double(max(use.limit, 1)))
    }
    let tightest = shares.max { ($0.share, $1.resource) < ($1.share, $0.resource) }
    guard let tightest else { return none }
    return "\(tightest.resource) " + String(format: "%.1f %%", tightest.share * 100)
  }

  /// A name with a newline or an escape must not break the table or the terminal.
  private static func printable(_ text: String) -> String {
    String(
      text.map { character in
        character.unicodeScalars.contains { $0.properties.generalCategory == .control }
          ? " " : character
      })
  }
}
