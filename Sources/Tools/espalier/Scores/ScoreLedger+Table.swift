import Foundation
import Pipeline

extension ScoreLedger {
  /// A line for each pair of tiles, then the totals.
  var table: String {
    let lines = rows.map { row in
      [
        "(\(row.first), \(row.second))".padding(toLength: 12, withPad: " ", startingAt: 0),
        row.digest, String(format: "%8d", row.entries), row.worker ?? "–",
        row.attempt.map { "attempt \($0)" } ?? "",
      ].joined(separator: "  ")
    }
    let totals = [
      "\(rows.count) pairs of \(tiles) tiles; \(imagesCounted) of \(images) images and "
        + "\(entriesCounted) of \(entries) entries of the kernel matrices counted, each once",
      "sum of the rows: \(digest ?? "none")",
    ]
    return
      (["tiles         digest, entries, worker"] + lines + totals
      + (problems.isEmpty ? ["the account is even"] : problems.map { "WRONG: \($0)" }))
      .joined(separator: "\n")
  }
}
