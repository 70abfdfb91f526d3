import Catalogue
import CoordinatorService
import Digests
import Foundation
import Importance
import JobEngine
import Pipeline

extension Stores {
  /// The scores of a sweep, by its name or id, with what its jobs say about them.
  func scoresAnswer(of sweep: String) async throws -> ScoresAnswer {
    let stored = try await scores.find(sweep: sweep)
    let own = try ScoreLedger.scores(among: try await scoreJobs(of: sweep).map(\.record))
    let count = stored.taps.count
    let confidence = own?.confidence
    return ScoresAnswer(
      taps: stored.taps,
      nhsic: (0..<count).map { Array(stored.matrix[$0 * count..<($0 + 1) * count]) },
      importance: stored.importance,
      intervals: confidence.flatMap { $0.intervals.count == count ? $0.intervals : nil },
      samples: stored.samples, estimator: stored.estimator,
      kernel: own?.kernel.rawValue ?? KernelKind.linear.rawValue,
      bandwidths: own.flatMap { own in
        own.kernel == .rbf ? stored.taps.map { own.bandwidths[$0] ?? 0 } : nil
      },
      confidence: confidence.map {
        ScoresAnswer.Confidence(
          blocks: $0.blocks, halvesRankCorrelation: $0.halvesRankCorrelation,
          verdict: $0.verdict.rawValue)
      },
      faults: own?.faults ?? [], digest: stored.digest,
      provenance: try CanonicalJSON.decode([String: String].self, from: stored.provenance))
  }

  /// The account of a sweep's scores.
  func scoreLedger(of sweep: String, digest: String) async throws -> ScoreLedger {
    try await ScoreLedger(
      jobs: try await scoreJobs(of: sweep).map(\.record), artifacts: artifacts,
      digest: digest)
  }

  /// Says on standard error how many jobs of the scores there were to do.
  func noteReuse(of sweep: Sweep) async throws {
    let all = try await scoreJobs(of: sweep.id)
    guard !all.isEmpty else { return }
    let run = all.filter { !$0.isReused }
    var text = "scores: \(run.count) jobs run, \(all.count - run.count) reused"
    if let start = run.compactMap(\.startedAt).min(), let end = run.map(\.finishedAt).max() {
      text += String(format: "; %.2f s from the first to the last", end.timeIntervalSince(start))
    }
    note(text)
  }

  private func scoreJobs(of sweep: String) async throws -> [CompletedJob] {
    let id = try await sweeps.find(sweep).id
    return try await jobs.completed(sweep: id, stage: Stage.scores.rawValue)
  }
}

extension CompletedJob {
  fileprivate var record: ScoreLedger.Record {
    ScoreLedger.Record(
      key: key, payload: payload, summary: result.summary, artifacts: result.artifacts,
      worker: worker, attempt: attempt)
  }
}
