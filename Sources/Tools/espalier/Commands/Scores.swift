import ArgumentParser
import Catalogue
import CoordinatorService
import Digests
import Drawing
import Foundation
import Importance
import JobEngine
import LinearAlgebra
import Pipeline

/// `espalier scores`: the nHSIC matrix of a sweep, and the account of how it came about.
struct ScoresCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "scores",
    abstract: "Print the nHSIC matrix and the importances of a sweep, or audit them.",
    discussion: """
      --ledger lists what was counted for every pair of tiles, checks each result's content, adds \
      all of them up again, and ends with 1 where the account does not come out even.
      """)

  @Argument(help: "Name or id of the sweep.") var sweep: String
  @OptionGroup var cluster: ClusterOptions
  @Option(help: "table or json.") var format = OutputFormat.table
  @Flag(help: "Show and check the account of all pairs of tiles instead.") var ledger = false
  @Option(help: ArgumentHelp("Draw the nHSIC matrix as a heat map.", valueName: "file.svg"))
  var plot: String?
  @Option(help: ArgumentHelp("Write the nHSIC matrix as a NumPy array.", valueName: "file.npy"))
  var npy: String?

  @Flag(
    help: """
      Prune every group alone to a half instead, and print how well each score of a layer tells \
      what that does: Spearman's rank correlation. Computed here; takes minutes.
      """)
  var science = false

  @Option(help: "Calibration images that --science looks at.")
  var scienceImages = 128

  func validate() throws {
    guard scienceImages >= 4 else {
      throw ValidationError("--science-images \(scienceImages): give 4 or more")
    }
  }

  func run() async throws {
    if science { return try await compare() }
    let isSound = try await LocalCluster(cluster).reading { stores in
      let scores = try await stores.scoresAnswer(of: sweep)
      if let plot {
        let map = HeatMap(
          title: "nHSIC, \(scores.samples) images", labels: scores.taps, values: scores.matrix)
        try write(Data(map.svg.utf8), to: plot)
      }
      if let npy { try write(scores.matrix.npy, to: npy) }
      guard ledger else {
        for warning in scores.warnings { note(warning) }
        switch format {
        case .json: try printJSON(scores)
        case .table: print(scores.table)
        }
        return true
      }
      let account = try await stores.scoreLedger(of: sweep, digest: scores.digest)
      switch format {
      case .json: try printJSON(account)
      case .table: print(account.table)
      }
      return account.isSound
    }
    if !isSound { throw ExitCode(ExitStatus.failed.rawValue) }
  }

  private func write(_ data: Data, to file: String) throws {
    do {
      try data.write(to: URL(filePath: file), options: .atomic)
    } catch {
      throw InputError(
        "cannot write \(file): \(error.localizedDescription); check space and rights")
    }
    note("wrote \(file), \(data.count) bytes")
  }
}

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
      jobs: try await scoreJobs(of: sweep).map(\.record), artifacts: StoreReading(store: artifacts),
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

/// Artifacts of a state folder, for an audit that stores nothing.
private struct StoreReading: ArtifactAccess {
  let store: ArtifactStore

  func data(for digest: Digest) async throws -> Data { try store.data(for: digest) }
  func store(_ data: Data) async throws -> Digest { try store.put(data) }
}

extension CompletedJob {
  fileprivate var record: ScoreLedger.Record {
    ScoreLedger.Record(
      key: key, payload: payload, summary: result.summary, artifacts: result.artifacts,
      worker: worker, attempt: attempt)
  }
}

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
