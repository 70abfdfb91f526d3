import Foundation
import Postgres
import TestSupport
import Testing

extension SystemTests {
  /// Scores of a sweep of six pairs of tiles and its other small jobs, however it is disturbed.
  ///
  /// `ESPALIER_KILL_SEEDS=20` runs twenty seeds instead of two.
  @Suite("random kills")
  struct RandomKillTests {
    private static let seeds =
      ProcessInfo.processInfo.environment["ESPALIER_KILL_SEEDS"].flatMap { UInt64($0) } ?? 2

    /// What is the same for every undisturbed and disturbed run.
    private static let undisturbed = Task { () throws -> ScoresAnswer in
      var scores: ScoresAnswer?
      try await TestCluster.with { cluster in
        try await cluster.espalier(["run"] + Self.sweep(cluster) + ["--workers", "0"])
        scores = try await cluster.json(ScoresAnswer.self, "scores", "test")
      }
      return try #require(scores)
    }

    private static func sweep(_ cluster: TestCluster) throws -> [String] {
      try cluster.sweep(calibration: 300) + ["--plan-only", "--no-evaluate"]
    }

    @Test("workers killed at random, and now and then the coordinator, change no bit of the scores")
    func random() async throws {
      let expected = try await Self.undisturbed.value
      for seed in 1...Self.seeds {
        var generator = SeededGenerator(seed: seed)
        try await TestCluster.with { cluster in
          let workers = ["--workers", "\(Int.random(in: 1...3, using: &generator))"]
          try await cluster.espalier(["up"] + workers)
          try await cluster.espalier(["submit"] + Self.sweep(cluster))
          for _ in 0..<Int.random(in: 1...4, using: &generator) {
            try await Task.sleep(for: .milliseconds(Int.random(in: 0...400, using: &generator)))
            let status = try await cluster.currentStatus()
            guard let coordinator = status.coordinator else { continue }
            let victims = coordinator.workers.map(\.processID)
            if Int.random(in: 0..<4, using: &generator) == 0 {
              try await cluster.killEverything()
              try await cluster.espalier(["up"] + workers)
            } else if let victim = victims.randomElement(using: &generator) {
              kill(victim, SIGKILL)
            }
          }
          try await cluster.espalier("watch", "test")
          let scores = try await cluster.json(ScoresAnswer.self, "scores", "test")
          #expect(scores == expected, "seed \(seed)")
          let sweep = try #require(try await cluster.json([SweepAnswer].self, "sweeps").first)
          #expect(Array(sweep.jobs.keys) == ["completed"], "seed \(seed): \(sweep.jobs)")
        }
      }
    }

    @Test("killed at half-way, database and all, nothing that was done is done again")
    func everything() async throws {
      let expected = try await Self.undisturbed.value
      try await TestCluster.with { cluster in
        try await cluster.espalier("up", "--workers", "2")
        try await cluster.espalier(["submit"] + Self.sweep(cluster))
        try await cluster.awaitJobs()
        try await cluster.killEverything()
        // The database alone, to see what it holds.
        try await cluster.espalier("up", "--workers", "0")
        let before = try await cluster.jobRows()
        // Sums are the coordinator's own: never attempted, and noted again by each.
        let done = before.filter { $0.state == "completed" && $0.attempt > 0 }
        #expect(!done.isEmpty)
        try await cluster.espalier("down")
        try await cluster.espalier("up", "--workers", "2")
        try await cluster.espalier("watch", "test")
        let after = Dictionary(
          uniqueKeysWithValues: try await cluster.jobRows().map { ($0.key, $0) })
        for job in done {
          #expect(after[job.key] == job, "\(job.key) has the attempt and time it had")
        }
        let again = before.filter { $0.state != "completed" && $0.attempt > 0 }
        #expect(again.count <= 12, "two workers hold two portions of three pairs each: \(again)")
        for job in after.values where !again.contains(where: { $0.key == job.key }) {
          #expect(job.attempt <= 1, "\(job)")
        }
        #expect(try await cluster.json(ScoresAnswer.self, "scores", "test") == expected)
      }
    }
  }
}

/// A row of the table of jobs.
struct JobRow: Equatable {
  var key: String
  var state: String
  var attempt: Int
  var finishedAt: String
}

extension TestCluster {
  /// Kills coordinator, workers and database at one moment.
  func killEverything() async throws {
    let server = server
    for process in processes { kill(process, SIGKILL) }
    if let server { kill(server, SIGKILL) }
    let deadline = ContinuousClock.now + .seconds(20)
    while !processes.isEmpty, ContinuousClock.now < deadline {
      try await Task.sleep(for: .milliseconds(20))
    }
    #expect(processes.isEmpty)
  }

  /// The jobs as the database has them.
  func jobRows() async throws -> [JobRow] {
    let folder = URL(filePath: state).appending(path: "postgres")
    let url = try #require(try PrivateCluster(folder: folder).url())
    let connection = try await Connection.connect(to: url)
    let rows = try await connection.query(
      "select key, state, attempt, coalesce(finished_at::text, '') as finished_at from jobs")
    let jobs = try rows.map { row in
      JobRow(
        key: try row.value("key"), state: try row.value("state"),
        attempt: try row.value("attempt"), finishedAt: try row.value("finished_at"))
    }
    await connection.close()
    return jobs
  }
}
