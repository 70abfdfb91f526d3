import CoordinatorService
import Foundation
import Importance
import JobEngine
import Messaging
import Parallelism
import Pipeline
import Processes
import WorkerService

/// How many tiles a second a coordinator keeps account of, with its real database, messages and
/// checks, when workers answer at once.
public struct CoordinatorBenchmark {
  public struct Figures: Codable, Sendable {
    public var workers: Int
    public var tiles: Int
    /// From the first acknowledged tile to the last.
    public var tilesPerSecond: Double
    /// The same in the slowest ten seconds of them.
    public var slowestTilesPerSecond: Double
    /// From the submission to the last acknowledged tile.
    public var seconds: Double
    /// Of this process meanwhile, simulated workers included and the database not, in milliseconds
    /// a tile: other programs on the machine change it less than the rate.
    public var processorMillisecondsPerTile: Double
    /// From the last tile to the scores.
    public var reductionSeconds: Double
    /// Of the process, simulated workers included: after a tenth of the tiles, and after all.
    public var memoryAtTenth: Int
    public var memoryAtEnd: Int
    /// Tile pairs with a result in the database; attempts at them; acknowledgements that said no.
    public var recorded: Int
    public var attempts: Int
    public var rejected: Int
    /// Whether the scores are those of the same tiles added up without a cluster.
    public var isExact: Bool
  }

  let workers: Int
  /// Tile pairs at least.
  let tiles: Int

  public init(workers: Int, tiles: Int) {
    self.workers = workers
    self.tiles = tiles
  }

  public func run(progress: (String) -> Void) async throws -> Figures {
    try allowDescriptors()
    // T (T + 1) / 2 pairs.
    let count = Int(((Double(8 * tiles + 1).squareRoot() - 1) / 2).rounded(.up))
    let cluster = try await SimulatedCluster(tiles: count, workers: workers)
    let account = SimulatedAccount()
    let links = try (0..<workers).map { _ in try cluster.link() }
    let crowd = links.enumerated().map { number, link in
      cluster.start("simulated-\(number)", on: link, account: account)
    }
    let figures = try await measure(cluster, account, progress: progress)
    for link in links { link.close() }
    for task in crowd { _ = await task.value }
    await cluster.stop()
    return figures
  }

  private func measure(
    _ cluster: SimulatedCluster, _ account: SimulatedAccount, progress: (String) -> Void
  ) async throws -> Figures {
    let stores = try await cluster.reader()
    let pairs = cluster.sweep.layout.pairs
    let start = ContinuousClock.now
    let processorStart = ProcessorTime.ofProcess
    let sweep = try await cluster.submit()
    var samples: [(seconds: Double, tiles: Int)] = []
    var memoryAtTenth = 0
    // The kernel's measurement is a job, too.
    while account.acceptedResults < pairs.count + 1 {
      try await Task.sleep(for: .milliseconds(250))
      let (seconds, done) = ((ContinuousClock.now - start) / .seconds(1), account.acceptedResults)
      if done > 1 { samples.append((seconds, done)) }
      if memoryAtTenth == 0, done >= pairs.count / 10 { memoryAtTenth = ProcessMemory.resident }
      if samples.count % 40 == 1 {
        progress(
          "\(done) of \(pairs.count) tiles, \(Int(seconds)) s, \(ProcessMemory.resident >> 20) MiB")
      }
      try await cluster.check(sweep, in: stores)
    }
    let memoryAtEnd = ProcessMemory.resident
    let processor = ProcessorTime.ofProcess - processorStart
    let tiled = ContinuousClock.now
    let scores = try await cluster.scores(of: sweep, in: stores)
    let reduced = ContinuousClock.now
    let jobs = try await stores.jobs.attempts(sweep: sweep, stage: Stage.scores.rawValue)
    let first = samples.first ?? (0, 0)
    let last = samples.last ?? first
    return Figures(
      workers: workers, tiles: pairs.count,
      tilesPerSecond: Double(last.tiles - first.tiles) / max(last.seconds - first.seconds, 1e-9),
      slowestTilesPerSecond: Self.slowest(samples, over: 10),
      seconds: (tiled - start) / .seconds(1),
      processorMillisecondsPerTile: 1e-6 * Double(processor) / Double(pairs.count),
      reductionSeconds: (reduced - tiled) / .seconds(1),
      memoryAtTenth: memoryAtTenth, memoryAtEnd: memoryAtEnd,
      // The stage has two jobs besides: the kernel's, and the sum, which nobody attempted.
      recorded: jobs.completed - 2, attempts: jobs.attempts - 1, rejected: account.rejectedResults,
      isExact: try scores == cluster.expectedScores())
  }

  /// The lowest rate between two samples that are `span` seconds apart, or all of them.
  private static func slowest(
    _ samples: [(seconds: Double, tiles: Int)], over span: Double
  ) -> Double {
    var lowest = Double.infinity
    for (index, start) in samples.enumerated() {
      guard let end = samples[index...].first(where: { $0.seconds >= start.seconds + span }) else {
        break
      }
      lowest = min(lowest, Double(end.tiles - start.tiles) / (end.seconds - start.seconds))
    }
    guard !lowest.isFinite, let first = samples.first, let last = samples.last else {
      return lowest
    }
    return Double(last.tiles - first.tiles) / max(last.seconds - first.seconds, 1e-9)
  }

  /// Every link has a socket, a thread and two pipes.
  private func allowDescriptors() throws {
    var limit = rlimit()
    let wanted = rlim_t(8 * workers + 512)
    guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return }
    guard limit.rlim_max >= wanted else {
      throw SimulationError(
        description:
          "\(workers) workers need \(wanted) file descriptors, \(limit.rlim_max) are allowed: see ulimit -Hn"
      )
    }
    limit.rlim_cur = max(limit.rlim_cur, wanted)
    _ = setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
  }
}
