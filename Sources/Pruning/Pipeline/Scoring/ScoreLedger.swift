import Digests
import Foundation
import Importance

/// The account of a sweep's scores: which computation of which worker counts for each pair of tiles,
/// and whether every image was counted exactly once.
public struct ScoreLedger: Sendable, Codable {
  /// What counts for one pair of tiles.
  public struct Row: Sendable, Codable, Hashable {
    public var first: Int
    public var second: Int
    /// Entries of the kernel matrix that it stands for: m_s · m_t, twice off the diagonal.
    public var entries: Int
    /// SHA-256 of the statistics.
    public var digest: String
    /// Key of the job.
    public var job: String
    /// Who computed it, and at which try; nil where that was not written down.
    public var worker: String?
    public var attempt: Int?
  }

  public var rows: [Row]
  /// N.
  public var images: Int
  public var tiles: Int
  /// Images of the tiles whose diagonal pair was counted.
  public var imagesCounted: Int
  /// Entries of the kernel matrix that had to be counted, and that were.
  public var entries: Int
  public var entriesCounted: Int
  /// SHA-256 of the nHSIC matrix, added up again from the rows.
  public var digest: String?
  /// What is wrong; nothing, if every pair was counted once and its statistics are what was summed.
  public var problems: [String]

  public var isSound: Bool { problems.isEmpty }
}

extension ScoreLedger {
  /// A completed job as the database has it.
  public struct Record: Sendable {
    public var key: Digest
    public var payload: Data
    public var summary: Data
    public var artifacts: [Digest]
    public var worker: String?
    public var attempt: Int

    public init(
      key: Digest, payload: Data, summary: Data, artifacts: [Digest], worker: String?, attempt: Int
    ) {
      self.key = key
      self.payload = payload
      self.summary = summary
      self.artifacts = artifacts
      self.worker = worker
      self.attempt = attempt
    }

    fileprivate func computation<Computation: JobComputation>(
      _ type: Computation.Type
    ) -> Computation? {
      let payload = try? CanonicalJSON.decode(JobPayload<Computation>.self, from: payload)
      return payload?.kind == Computation.kind ? payload?.computation : nil
    }
  }

  /// The scores among a sweep's jobs; nil while there are none.
  public static func scores(among jobs: [Record]) throws -> ImportanceScores? {
    try jobs.first { $0.computation(ScoreSum.self) != nil }.map {
      try CanonicalJSON.decode(ImportanceScores.self, from: $0.summary)
    }
  }

  /// Checks the jobs of a sweep against what was summed, and sums it again.
  ///
  /// - Parameters:
  ///   - jobs: All completed jobs of the sweep's first stage.
  ///   - artifacts: Where the statistics are; their content is verified.
  ///   - digest: Of the scores as they are published.
  /// - Throws: ``PipelineError`` with `invalidInput` where the sweep has no scores.
  public init(
    jobs: [Record], artifacts: any ArtifactAccess, digest published: String
  ) async throws {
    let sums = jobs.compactMap { job in job.computation(ScoreSum.self).map { (job, $0) } }
    guard let (job, sum) = sums.last else {
      throw PipelineError(.invalidInput, "the sweep has no scores of this version of Espalier")
    }
    let pairs = sum.layout.pairs(for: sum.estimator)
    self.init(
      rows: [], images: sum.layout.samples, tiles: sum.layout.tiles, imagesCounted: 0,
      entries: pairs.reduce(0) { $0 + sum.layout.entries(of: $1) }, entriesCounted: 0,
      problems: [])
    var known: [TilePair: [Record]] = [:]
    for job in jobs {
      if let computation = job.computation(TilePairScores.self), computation.taps == sum.taps,
        computation.reference == sum.reference
      {
        known[computation.pair, default: []].append(job)
      }
    }
    if sum.statistics.count != pairs.count {
      problems.append("\(sum.statistics.count) statistics were summed for \(pairs.count) pairs")
    }
    for (pair, digest) in zip(pairs, sum.statistics) {
      count(pair, digest, by: known.removeValue(forKey: pair) ?? [], in: sum.layout)
    }
    for pair in known.keys { problems.append("tiles \(pair) have a job and were not summed") }
    try await sumAgain(
      sum, on: artifacts, published: published,
      recorded: try CanonicalJSON.decode(ImportanceScores.self, from: job.summary))
  }

  private mutating func count(
    _ pair: TilePair, _ digest: Digest, by jobs: [Record], in layout: TileLayout
  ) {
    if jobs.count != 1 { problems.append("tiles \(pair) have \(jobs.count) completed jobs") }
    let job = jobs.first { $0.artifacts == [digest] }
    if job == nil { problems.append("tiles \(pair): what was summed is no job's result") }
    let entries = layout.entries(of: pair)
    rows.append(
      Row(
        first: pair.first, second: pair.second, entries: entries, digest: digest.hex,
        job: job?.key.hex ?? "", worker: job?.worker, attempt: job?.attempt))
    entriesCounted += entries
    if pair.isDiagonal { imagesCounted += layout.range(of: pair.first).count }
  }

  private mutating func sumAgain(
    _ sum: ScoreSum, on artifacts: any ArtifactAccess, published: String,
    recorded: ImportanceScores
  ) async throws {
    if imagesCounted != images {
      problems.append("\(imagesCounted) of \(images) images were counted")
    }
    if entriesCounted != entries {
      problems.append("\(entriesCounted) of \(entries) entries were counted")
    }
    do {
      let again = try await sum.scores(artifacts)
      digest = again.digest.hex
      for (what, other) in [("recorded", recorded.digest.hex), ("published", published)]
      where other != digest {
        problems.append(
          "the \(what) scores have the digest \(other), the sum of the rows \(again.digest)")
      }
    } catch {
      problems.append("the rows cannot be summed again: \(error)")
    }
  }
}

extension TileLayout {
  /// Entries of the kernel matrix that a pair of tiles stands for.
  fileprivate func entries(of pair: TilePair) -> Int {
    range(of: pair.first).count * range(of: pair.second).count * (pair.isDiagonal ? 1 : 2)
  }
}
