import ArgumentParser
import CoordinatorService
import Foundation
import JobEngine
import Messaging
import Pipeline
import Postgres

/// `espalier up`: the cluster of a state folder, started.
struct UpCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "up",
    abstract: "Start the local cluster, and go on with what was unfinished.")

  @OptionGroup var workers: WorkerOptions
  @OptionGroup var cluster: ClusterOptions

  @Option(help: "A further endpoint for workers elsewhere, such as tcp://0.0.0.0:5555.")
  var listen: [String] = []

  @Flag(help: "Let the workers run the commands of sweeps with --recover-with, as this user.")
  var allowCommands = false

  func run() async throws {
    let local = LocalCluster(cluster)
    _ = try await local.startDatabase()
    let started = try await local.startCoordinator(
      workers, listen: listen, allowingCommands: allowCommands)
    note(
      started != nil ? "the cluster of \(local.folder.path) is up" : "the cluster was up already")
  }
}

/// `espalier down`: drained and stopped.
struct DownCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "down",
    abstract: "Let the workers finish what they hold, and stop the local cluster.")

  @OptionGroup var cluster: ClusterOptions

  func run() async throws {
    let local = LocalCluster(cluster)
    try await local.stopCoordinator()
    try await local.stopDatabase()
    note("the cluster of \(local.folder.path) is down")
  }
}

/// `espalier status`: every process and job.
struct StatusCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "status",
    abstract: "Show the state of every process, sweep and job of the local cluster.",
    discussion: "Ends with 4 where no coordinator runs.")

  @OptionGroup var cluster: ClusterOptions
  @Option(help: "table or json.") var format = OutputFormat.table

  func run() async throws {
    let local = LocalCluster(cluster)
    var answer = StatusAnswer(state: local.folder.path)
    let database: PrivateCluster.Status = try local.privateDatabase.status()
    if case .running(let process) = database {
      answer.database = "running, process \(process)"
    } else if local.databaseText != nil {
      answer.database = "external"
    }
    if StateLock.holder(of: local.folder) != nil {
      answer.coordinator = try await local.coordinatorStatus()
    }
    if answer.database != "stopped" {
      answer.sweeps = try await local.sweepLines(answer.coordinator)
    }
    switch format {
    case .json: try printJSON(answer)
    case .table: print(answer.table)
    }
    if answer.coordinator == nil { throw ExitCode(ExitStatus.unreachable.rawValue) }
  }
}

/// `espalier workers`: who computes, how fast, and with what.
struct WorkersCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "workers",
    abstract: "Show the workers: jobs, speed, memory, and what their results depend on.",
    discussion: "Ends with 4 where no coordinator runs.")

  @OptionGroup var cluster: ClusterOptions
  @Option(help: "table or json.") var format = OutputFormat.table

  func run() async throws {
    let workers = try await LocalCluster(cluster).coordinatorStatus().workers
    switch format {
    case .json: try printJSON(workers)
    case .table:
      for worker in workers { print("\(worker.line)\n    \(worker.identity)") }
    }
  }
}

extension CoordinatorStatus.Worker {
  /// For people.
  var line: String {
    "\(id), process \(processID) on \(host), \(threads) thread(s), \(jobs) job(s), "
      + (underway > 0 ? String(format: "%.0f %% of %d, ", 100 * share, underway) : "")
      + "\(completed) done" + (refused > 0 ? ", \(refused) refused" : "")
      + String(format: ", %.0f images/s", imagesPerSecond)
      + ", \(Amounts.flops(flopsPerSecond))/s, \(Amounts.bytes(memoryBytes))"
  }
}

/// `espalier sweeps`: what was asked for.
struct SweepsCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "sweeps", abstract: "List sweeps, newest first.")

  @OptionGroup var cluster: ClusterOptions
  @Option(help: "table or json.") var format = OutputFormat.table

  func run() async throws {
    let summaries = try await LocalCluster(cluster).sweepLines()
    switch format {
    case .json: try printJSON(summaries)
    case .table:
      for sweep in summaries { print(sweep.line) }
    }
  }
}

extension LocalCluster {
  /// Every sweep with the numbers of its jobs, newest first.
  fileprivate func sweepLines(
    _ coordinator: CoordinatorStatus? = nil
  ) async throws -> [StatusAnswer.SweepLine] {
    try await reading { stores in
      var lines: [StatusAnswer.SweepLine] = []
      for sweep in try await stores.sweeps.list() {
        lines.append(
          StatusAnswer.SweepLine(
            sweep, try await stores.jobs.counts(sweep: sweep.id),
            coordinator?.work[sweep.id]))
      }
      return lines
    }
  }
}

/// What `status` says.
struct StatusAnswer: Codable {
  struct SweepLine: Codable {
    var id: String
    var name: String
    var state: String
    var stage: String
    var error: String?
    /// By state.
    var jobs: [String: Int]
    /// The same within each stage.
    var stages: [String: [String: Int]]

    /// - Parameter known: What the coordinator knows besides.
    init(_ sweep: Sweep, _ counts: [StageCount], _ known: CoordinatorStatus.SweepWork?) {
      id = sweep.id
      name = sweep.name
      state = sweep.state.rawValue
      stage = sweep.stage
      error = sweep.error
      jobs = Self.byState(counts)
      stages = Dictionary(grouping: counts, by: \.stage).mapValues(Self.byState)
      let (done, total) = [StageProgress](counts).work(known)
      work = Work(flops: 2 * total, done: 2 * done)
    }

    private static func byState(_ counts: [StageCount]) -> [String: Int] {
      Dictionary(counts.map { ($0.state.rawValue, $0.jobs) }, uniquingKeysWith: +)
    }

    /// Estimated work: while a coordinator has the sweep of all its jobs, else of those that are known.
    struct Work: Codable {
      var flops: Double
      var done: Double
    }
    var work: Work

    var line: String {
      let counts = jobs.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)" }
      return "\(id)  \(name)  \(state)  \(counts.joined(separator: ", "))"
        + ", \(Amounts.flops(work.done)) of \(Amounts.flops(work.flops))"
        + (error.map { "\n    \($0)" } ?? "")
    }
  }

  var state: String
  var database = "stopped"
  var coordinator: CoordinatorStatus?
  var sweeps: [SweepLine] = []

  init(state: String) { self.state = state }

  var table: String {
    var lines = ["state        \(state)", "database     \(database)"]
    if let coordinator {
      lines.append("coordinator  running, process \(coordinator.processID)")
      for worker in coordinator.workers { lines.append("worker       \(worker.line)") }
    } else {
      lines.append("coordinator  stopped")
    }
    return (lines + sweeps.map { "sweep        \($0.line)" }).joined(separator: "\n")
  }
}

/// Prints JSON for programs: sorted keys, one document.
func printJSON(_ value: some Encodable) throws {
  let encoder = JSONEncoder()
  encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
  print(String(decoding: try encoder.encode(value), as: UTF8.self))
}
