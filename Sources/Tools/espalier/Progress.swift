import CoordinatorService
import Foundation
import JobEngine
import Pipeline

/// Live progress on standard error: one line that is rewritten on a terminal, a line a change
/// elsewhere.
struct Progress {
  private let isTerminal = isatty(2) == 1
  private let started = ContinuousClock.now
  private var firstDone: Double?
  private var lastLine = ""
  private var lastPrinted = ContinuousClock.now - .seconds(60)

  /// Shows where a sweep stands.
  ///
  /// - Parameters:
  ///   - stages: Jobs by stage and state, with their estimated work.
  ///   - work: What the coordinator knows of the sweep besides; nil where none answers.
  ///   - workers: What the workers do now; empty where nobody knows.
  mutating func show(
    _ stages: [StageProgress], work: CoordinatorStatus.SweepWork? = nil,
    workers: [CoordinatorStatus.Worker] = []
  ) {
    let (done, total) = stages.work(work)
    if firstDone == nil { firstDone = done }
    let parts = stages.map { "\($0.stage) \($0.completed)/\($0.jobs)" }
    let share = total > 0 ? done / total : 0
    let line =
      String(format: "%3.0f %%", 100 * share) + "  " + parts.joined(separator: " · ")
      + "  \(Amounts.flops(2 * done)) of \(Amounts.flops(2 * total))"
      + Self.rates(workers) + remaining(total: total, done: done)
    let now = ContinuousClock.now
    if isTerminal {
      write("\r\u{1B}[K" + line)
    } else if line != lastLine, now - lastPrinted > .seconds(5) {
      write(line + "\n")
      lastPrinted = now
    }
    lastLine = line
  }

  private static func rates(_ workers: [CoordinatorStatus.Worker]) -> String {
    let (images, flops) = workers.reduce((0, 0)) {
      ($0.0 + $1.imagesPerSecond, $0.1 + $1.flopsPerSecond)
    }
    guard images > 0 || flops > 0 else { return "" }
    return ", " + String(format: "%.0f", images) + " images/s, \(Amounts.flops(flops))/s"
  }

  /// Leaves the line of progress behind.
  func finish() { if isTerminal, !lastLine.isEmpty { write("\r\u{1B}[K") } }

  /// By the rate since watching began.
  private func remaining(total: Double, done: Double) -> String {
    let elapsed = (ContinuousClock.now - started) / .seconds(1)
    let progress = done - (firstDone ?? 0)
    guard elapsed > 1, progress > 0, total > done else { return "" }
    let seconds = Int((total - done) / progress * elapsed)
    return seconds < 60
      ? "  about \(seconds) s left" : "  about \(seconds / 60) min \(seconds % 60) s left"
  }

  private func write(_ text: String) { FileHandle.standardError.write(Data(text.utf8)) }
}

/// Jobs of one stage of a sweep.
struct StageProgress {
  var stage: String
  var jobs: Int
  var completed: Int
  var weight: Double
  var completedWeight: Double
}

extension [StageProgress] {
  /// Of each stage of a sweep, in order.
  init(_ counts: [StageCount]) {
    self = Stage.allCases.compactMap { stage in
      let own = counts.filter { $0.stage == stage.rawValue }
      guard !own.isEmpty else { return nil }
      let done = own.filter { $0.state == .completed }
      return StageProgress(
        stage: stage.rawValue, jobs: own.reduce(0) { $0 + $1.jobs },
        completed: done.reduce(0) { $0 + $1.jobs }, weight: own.reduce(0) { $0 + $1.weight },
        completedWeight: done.reduce(0) { $0 + $1.weight })
    }
  }

  /// What is done of a sweep and what there is to do, in estimated multiply–accumulates.
  ///
  /// - Parameter known: What the coordinator knows besides.
  func work(_ known: CoordinatorStatus.SweepWork?) -> (done: Double, total: Double) {
    var foreseen = known?.foreseen ?? [:]
    for stage in self {
      foreseen[stage.stage] = Swift.max(stage.weight, foreseen[stage.stage] ?? 0)
    }
    let total = foreseen.values.reduce(0, +)
    // Both were asked for, one after the other: a job may count in both for a moment.
    return (Swift.min(reduce(known?.underway ?? 0) { $0 + $1.completedWeight }, total), total)
  }
}

/// Amounts of work and memory for people.
enum Amounts {
  static func flops(_ count: Double) -> String { scaled(count, "FLOP") }
  static func bytes(_ count: Int) -> String {
    count > 0 ? "\(count >> 20) MiB" : "unknown memory"
  }

  private static func scaled(_ count: Double, _ unit: String) -> String {
    for (size, prefix) in [(1e15, "P"), (1e12, "T"), (1e9, "G"), (1e6, "M")] where count >= size {
      return String(format: "%.1f ", count / size) + prefix + unit
    }
    return String(format: "%.0f ", count) + unit
  }
}
