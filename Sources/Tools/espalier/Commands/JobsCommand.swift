import ArgumentParser
import CoordinatorService
import Digests
import Foundation
import JobEngine
import Pipeline

/// `espalier jobs`: what each job of a sweep took, and who did it.
struct JobsCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "jobs",
    abstract: "Show the completed jobs of a sweep: what each took, and who did it.",
    discussion: """
      A worker does one job after another: a job's seconds are those since it was given out, or \
      since its worker was through with the one before. Pairs of tiles that passed through the \
      network together, and plans that were fitted together, share their seconds equally: jobs of \
      one pass that were given out together.
      """)

  @Argument(help: "Name or id of the sweep.") var sweep: String
  @Option(
    help: ArgumentHelp(
      "Jobs of one stage alone: \(Stage.allCases.map(\.rawValue).joined(separator: ", ")).",
      valueName: "stage"))
  var stage: Stage?
  @OptionGroup var cluster: ClusterOptions
  @Option(help: "table or json.") var format = OutputFormat.table

  func run() async throws {
    let jobs = try await LocalCluster(cluster).reading { stores in
      let id = try await stores.sweeps.find(sweep).id
      var jobs: [(stage: Stage, job: CompletedJob)] = []
      for stage in Stage.allCases where stage == self.stage ?? stage {
        jobs += try await stores.jobs.completed(sweep: id, stage: stage.rawValue)
          .map { (stage, $0) }
      }
      return jobs
    }
    let lines = JobLine.lines(of: jobs)
    switch format {
    case .json: try printJSON(lines)
    case .table: print(JobLine.table(lines))
    }
  }
}

extension Stage: ExpressibleByArgument {}

/// What is shown of a job.
struct JobLine: Codable {
  var stage: Stage
  var label: String
  /// Nil for a sum that the coordinator did.
  var seconds: Double?
  var worker: String?
  var attempt: Int
  /// It was done before the sweep was asked for.
  var isReused: Bool

  /// In the order the jobs were asked for.
  static func lines(of jobs: [(stage: Stage, job: CompletedJob)]) -> [JobLine] {
    var turns: [Turn] = []
    // By worker: its last one.
    var latest: [String: Int] = [:]
    for place in jobs.indices.sorted(by: { jobs[$0].job.finishedAt < jobs[$1].job.finishedAt }) {
      let job = jobs[place].job
      guard let worker = job.worker, let started = job.startedAt else { continue }
      let last = latest[worker]
      let start = max(started, last.map { turns[$0].end } ?? started)
      let turn = Turn(
        started: started, pass: (try? JobRequest(payload: job.payload))?.pass, places: [place],
        seconds: job.finishedAt.timeIntervalSince(start), end: job.finishedAt)
      if let last, turn.joins(turns[last]) {
        turns[last].join(turn)
      } else {
        latest[worker] = turns.count
        turns.append(turn)
      }
    }
    var seconds: [Int: Double] = [:]
    for turn in turns {
      for place in turn.places { seconds[place] = turn.seconds / Double(turn.places.count) }
    }
    return jobs.enumerated().map { place, entry in
      JobLine(
        stage: entry.stage, label: entry.job.label, seconds: seconds[place],
        worker: entry.job.worker, attempt: entry.job.attempt, isReused: entry.job.isReused)
    }
  }

  /// Jobs of one pass that a worker was given together, or one that is done by itself.
  private struct Turn {
    var started: Date
    var pass: Digest?
    /// Of its jobs.
    var places: [Int]
    var seconds: Double
    var end: Date

    func joins(_ last: Turn) -> Bool {
      pass != nil && pass == last.pass && started == last.started
    }

    mutating func join(_ next: Turn) {
      places += next.places
      seconds += next.seconds
      end = next.end
    }
  }

  /// A line for each job, then one for each stage.
  static func table(_ lines: [JobLine]) -> String {
    let jobs = lines.map { line in
      let took = line.seconds.map { String(format: "%9.2f s", $0) } ?? "          –"
      let worker = line.isReused ? "reused" : line.worker ?? "the coordinator"
      let again = line.attempt > 1 ? ", attempt \(line.attempt)" : ""
      return "\(padded(line.stage))\(took)  \(line.label)  (\(worker)\(again))"
    }
    let sums = Stage.allCases.compactMap { stage -> String? in
      let own = lines.filter { $0.stage == stage }
      guard !own.isEmpty else { return nil }
      let run = own.filter { !$0.isReused }
      let sum = String(format: "%9.2f s", run.reduce(0) { $0 + ($1.seconds ?? 0) })
      return "\(padded(stage))\(sum)  \(run.count) jobs run, \(own.count - run.count) reused"
    }
    return (jobs + ["", "by stage, of all workers together:"] + sums).joined(separator: "\n")
  }

  private static func padded(_ stage: Stage) -> String {
    stage.rawValue.padding(toLength: 14, withPad: " ", startingAt: 0)
  }
}
