import Foundation
import Importance
import LinearAlgebra
import Pipeline

/// Everything that is known of a sweep's scores, as it is printed.
struct ScoresAnswer: Encodable {
  var taps: [String]
  var nhsic: [[Double]]
  var importance: [Double]
  /// 95 %, by tap; nil where they could not be estimated.
  var intervals: [ScoreConfidence.Interval]?
  /// N.
  var samples: Int
  var estimator: String
  var kernel: String
  /// σ² of the RBF kernel, by tap.
  var bandwidths: [Double]?
  var confidence: Confidence?
  var faults: [TapFault]
  var digest: String
  var provenance: [String: String]

  struct Confidence: Encodable {
    /// Blocks of tiles that were left out in turn.
    var blocks: Int
    /// Spearman's, between two halves of the images.
    var halvesRankCorrelation: Double?
    var verdict: String

    enum CodingKeys: String, CodingKey {
      case blocks, verdict
      case halvesRankCorrelation = "halves_rank_correlation"
    }
  }

  var matrix: Matrix {
    Matrix(rows: taps.count, columns: taps.count, elements: nhsic.flatMap(\.self))
  }

  /// What a reader should know before believing the ranking.
  var warnings: [String] {
    var list = faults.map { "tap \($0); it has no score" }
    if provenance["machines"] == "mixed", let machines = provenance["computed_by"] {
      list.append(
        "computed by several kinds of machines, so that the last bits depend on who computed what: "
          + machines)
    }
    if let confidence, confidence.verdict == ScoreConfidence.Verdict.unstable.rawValue {
      list.append(
        String(
          format: """
            the ranking of the taps is not stable with %d images: those of two halves correlate \
            by %.2f (stable from %.2f on); use more --samples
            """, samples, confidence.halvesRankCorrelation ?? 0,
          ScoreConfidence.stableCorrelation))
    }
    return list
  }

  /// A line per tap: importance with its interval, and dependence on all other taps.
  var table: String {
    let width = taps.map(\.count).max() ?? 0
    func padded(_ text: String) -> String {
      text.padding(toLength: max(width, text.count), withPad: " ", startingAt: 0)
    }
    let rows = taps.indices.map { index in
      let sum = nhsic[index].reduce(0, +) - nhsic[index][index]
      let interval = intervals.map {
        String(format: "%.4f…%.4f", $0[index].lower, $0[index].upper)
      }
      return padded(taps[index]) + String(format: "  %10.4f  %9.4f", importance[index], sum) + "  "
        + (interval ?? "–")
    }
    var notes = [
      "\(samples) images, estimator \(estimator), kernel \(kernel), digest \(digest)"
    ]
    if let confidence {
      let halves = confidence.halvesRankCorrelation.map { String(format: "%.3f", $0) } ?? "unknown"
      notes.append(
        "rank correlation of two halves: \(halves) (\(confidence.verdict)); intervals from "
          + "\(confidence.blocks) blocks of tiles")
    }
    notes += provenance.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value)" }
    return ([padded("tap") + "  importance  nHSIC sum  95 % interval"] + rows + notes)
      .joined(separator: "\n")
  }
}
