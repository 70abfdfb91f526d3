import Digests
import Foundation
import JobEngine
import Migrations
import Postgres
import TestSupport
import Testing

/// A job with an attempt at it.
struct LeasedJob {
  var reference: JobReference
  var specification: JobSpecification
}

/// One worker, one job at a time: what a coordinator does for many.
extension JobStore {
  func lease(worker: String, limit: Int, duration: Duration) async throws -> [LeasedJob] {
    var leased: [LeasedJob] = []
    while leased.count < limit {
      let jobs = try await available(limit: limit - leased.count)
      let attempts = try await lease(
        jobs.map { Assignment(job: $0.id, worker: worker) }, duration: duration)
      leased += jobs.compactMap { job in
        attempts.first { $0.id == job.id }.map {
          LeasedJob(reference: $0, specification: job.specification)
        }
      }
      if jobs.isEmpty { break }
    }
    return leased
  }

  func complete(_ reference: JobReference, worker: String, result: JobResult) async throws -> Bool {
    try await complete([Completion(reference, by: worker, result: result)]) == [reference]
  }

  func extend(worker: String, references: [JobReference], duration: Duration) async throws
    -> Set<JobReference>
  {
    try await extend(references.map { HeldJob($0, by: worker) }, duration: duration)
  }
}

/// A fresh database with the schema, its stores and one sweep.
struct Fixture {
  let connection: Connection
  let jobs: JobStore
  let sweeps: SweepStore
  let sweep: String

  init() async throws {
    connection = try await Connection.connect(to: TemporaryDatabase.make())
    try await Migrator(Migrations.all).migrate(connection)
    jobs = JobStore(connection)
    sweeps = SweepStore(connection)
    sweep = try await sweeps.create(
      name: "first", definition: Data("{}".utf8), key: Digest(parts: ["first"])
    ).id
  }

  static func job(_ name: String, stage: String = "score", priority: Int = 0, weight: Double = 1)
    -> JobSpecification
  {
    JobSpecification(
      key: Digest(parts: [name]), stage: stage, label: name, payload: Data(#"{"n": 1}"#.utf8),
      weight: weight, priority: priority)
  }

  func lease(_ worker: String, _ limit: Int = 1, _ duration: Duration = .seconds(60)) async throws
    -> [LeasedJob]
  {
    try await jobs.lease(worker: worker, limit: limit, duration: duration)
  }

  func lifecycle(_ id: Int64) async throws -> JobLifecycle {
    let row = try await connection.query("select * from jobs where id = \(id)").only()
    return JobLifecycle(
      state: try #require(JobState(rawValue: try row.value("state"))),
      attempt: try row.value("attempt"), failures: try row.value("failures"),
      deaths: try row.value("deaths"), maxAttempts: try row.value("max_attempts"),
      maxDeaths: try row.value("max_deaths"))
  }

  static let result = JobResult(
    summary: Data(#"{"x": 0.1}"#.utf8), artifacts: [Digest(parts: ["b"]), Digest(parts: ["a"])])
  static let failure = JobFailure(code: "numbers.nan", message: "NaN at 'conv1'")
}

@Suite("JobStore", .tags(.system))
struct JobStoreTests {
  @Test("asking for jobs is idempotent, in one statement for hundreds, and reuses what is done")
  func enqueue() async throws {
    let f = try await Fixture()
    let jobs = (0..<500).map { Fixture.job("job \($0)") }
    #expect(try await f.jobs.enqueue(jobs + jobs.prefix(10), sweep: f.sweep).new == 500)
    let leased = try #require(try await f.lease("w").first)
    #expect(leased.specification == jobs[0], "the first asked for goes first, and is unchanged")
    #expect(try await f.jobs.complete(leased.reference, worker: "w", result: Fixture.result))
    let again = try await f.jobs.enqueue(jobs + [Fixture.job("more")], sweep: f.sweep)
    #expect(again == EnqueueOutcome(new: 1, reused: 1, revived: 0, shared: 499))
    let results = try await f.jobs.results(keys: jobs.map(\.key))
    #expect(results == [jobs[0].key: Fixture.result])
    let counts = try await f.jobs.counts(sweep: f.sweep)
    #expect(counts.map(\.jobs).reduce(0, +) == 501)
    #expect(counts.first { $0.state == .completed }?.weight == 1)
    #expect(try await f.jobs.recompute(keys: [jobs[0].key]) == 1)
    #expect(try await f.jobs.results(keys: [jobs[0].key]).isEmpty)
  }

  @Test("higher priority goes first, and no job is leased twice")
  func order() async throws {
    let f = try await Fixture()
    let jobs = (0..<40).map { Fixture.job("\($0)", priority: $0 % 2) }
    try await f.jobs.enqueue(jobs, sweep: f.sweep)
    let leased = try await withThrowingTaskGroup(of: [LeasedJob].self) { group in
      for worker in 0..<8 { group.addTask { try await f.lease("w\(worker)", 5) } }
      return try await group.reduce(into: []) { $0 += $1 }
    }
    #expect(Set(leased.map(\.reference.id)).count == 40)
    #expect(leased.prefix(20).allSatisfy { $0.specification.priority == 1 })
    #expect(try await f.lease("late", 5).isEmpty)
  }

  @Test("one statement leases, extends and completes many jobs, each by its own attempt and worker")
  func portions() async throws {
    let f = try await Fixture()
    try await f.jobs.enqueue((0..<6).map { Fixture.job("\($0)") }, sweep: f.sweep)
    let jobs = try await f.jobs.available(limit: 9)
    #expect(jobs.map(\.specification.label) == ["0", "1", "2", "3", "4", "5"])
    let assignments = jobs.prefix(5).map { Assignment(job: $0.id, worker: "w\($0.id % 2)") }
    let leased = try await f.jobs.lease(assignments, duration: .seconds(60))
    #expect(leased == Set(jobs.prefix(5).map { JobReference(id: $0.id, attempt: 1) }))
    #expect(try await f.jobs.lease(assignments, duration: .seconds(60)).isEmpty, "they are taken")
    #expect(try await f.jobs.available(limit: 9).map(\.id) == [jobs[5].id])
    func held(_ index: Int, attempt: Int = 1, by worker: String? = nil) -> HeldJob {
      HeldJob(
        JobReference(id: jobs[index].id, attempt: attempt),
        by: worker ?? "w\(jobs[index].id % 2)")
    }
    let extended = try await f.jobs.extend(
      [held(0), held(1, attempt: 2), held(2, by: "w9"), held(3), held(5)],
      duration: .seconds(60))
    #expect(Set(extended.map(\.id)) == [jobs[0].id, jobs[3].id])
    let results = [0, 1, 2, 3, 5].map { index in
      let held = held(index, attempt: index == 1 ? 2 : 1, by: index == 2 ? "w9" : nil)
      return Completion(
        held.reference, by: held.worker,
        result: JobResult(
          summary: Data(#"{"x": \#(index)}"#.utf8),
          artifacts: (0..<index).map { Digest(parts: ["\(index) \($0)"]) }),
        identity: index == 0 ? nil : "library 1")
    }
    let completed = try await f.jobs.complete(results)
    #expect(Set(completed.map(\.id)) == [jobs[0].id, jobs[3].id])
    #expect(try await f.jobs.complete(results).isEmpty, "each once")
    let keys = jobs.map(\.specification.key)
    #expect(try await f.jobs.completed(keys: keys) == [keys[0], keys[3]])
    #expect(
      try await f.jobs.results(keys: keys) == [
        keys[0]: results[0].result, keys[3]: results[3].result,
      ])
    #expect(try await f.jobs.identities(sweep: f.sweep) == ["score": ["library 1"]])
    #expect(try await f.jobs.attempts(sweep: f.sweep, stage: "score") == (2, 5))
    #expect(
      try await f.jobs.summary(sweep: f.sweep, label: "3") == results[3].result.summary)
    #expect(try await f.jobs.summary(sweep: f.sweep, label: "4") == nil)
    #expect(try await f.jobs.find([jobs[4].id]) == [jobs[4]])
  }

  @Test("an expired lease is rescued, and the late result is refused")
  func fence() async throws {
    let f = try await Fixture()
    try await f.jobs.enqueue([Fixture.job("a")], sweep: f.sweep)
    let first = try #require(try await f.lease("w", 1, .milliseconds(1)).first)
    try await Task.sleep(for: .milliseconds(20))
    #expect(try await f.jobs.rescueExpired() == 1)
    #expect(
      try await f.jobs.extend(
        worker: "w", references: [first.reference], duration: .seconds(9)
      ).isEmpty)
    // The same worker again: only the attempt tells the two leases apart.
    let second = try #require(try await f.lease("w").first)
    #expect(second.reference.attempt == 2)
    #expect(
      try await f.jobs.complete(first.reference, worker: "w", result: Fixture.result) == false)
    #expect(
      try await f.jobs.fail(
        first.reference, worker: "w", failure: Fixture.failure, verdict: .discard) == nil)
    #expect(
      try await f.jobs.extend(
        worker: "w", references: [first.reference, second.reference], duration: .seconds(9))
        == [second.reference])
    #expect(try await f.jobs.rescueExpired() == 0)
    #expect(
      try await f.jobs.complete(second.reference, worker: "other", result: Fixture.result) == false)
    #expect(try await f.jobs.complete(second.reference, worker: "w", result: Fixture.result))
    #expect(
      try await f.jobs.complete(second.reference, worker: "w", result: Fixture.result) == false,
      "exactly one completion")
  }

  @Test("failures retry after their delay and discard at the third; deaths at the twentieth")
  func failuresAndDeaths() async throws {
    let f = try await Fixture()
    try await f.jobs.enqueue([Fixture.job("a")], sweep: f.sweep)
    for round in 1...3 {
      let job = try #require(try await f.lease("w").first)
      let state = try await f.jobs.fail(
        job.reference, worker: "w", failure: Fixture.failure,
        verdict: .retry(after: .seconds(600)))
      #expect(state == (round < 3 ? .retryable : .discarded))
      #expect(try await f.lease("w").isEmpty, "not before its time")
      // Time passes for this job alone.
      try await f.connection.execute(
        "update jobs set scheduled_at = now() where state = 'retryable'")
    }
    let failed = try #require(try await f.jobs.failures(sweep: f.sweep).first)
    #expect(failed.failure == Fixture.failure)
    #expect(failed.state == .discarded)
    #expect(try await f.jobs.enqueue([Fixture.job("a")], sweep: f.sweep).revived == 1)
    for _ in 1...20 {
      #expect(try await f.lease("w").count == 1)
      #expect(try await f.jobs.release(worker: "w") == 1)
    }
    #expect(try await f.lifecycle(failed.id).state == .discarded)
    #expect(try await f.lifecycle(failed.id).attempt == 23)
  }

  @Test("a sweep's cancellation spares what another running sweep needs")
  func cancel() async throws {
    let f = try await Fixture()
    let other = try await f.sweeps.create(
      name: "second", definition: Data("{}".utf8), key: Digest(parts: ["second"]))
    try await f.jobs.enqueue(["a", "b", "c"].map { Fixture.job($0) }, sweep: f.sweep)
    try await f.jobs.enqueue([Fixture.job("c")], sweep: other.id)
    let a = try #require(try await f.lease("w").first)
    try await f.sweeps.cancel(f.sweep)
    let busy = try await f.jobs.cancel(sweep: f.sweep)
    #expect(busy.map(\.reference) == [a.reference])
    #expect(busy.map(\.worker) == ["w"])
    #expect(try await f.jobs.complete(a.reference, worker: "w", result: Fixture.result) == false)
    let left = try await f.lease("w", 9)
    #expect(left.map(\.specification.label) == ["c"])
  }

  @Test("the store follows the pure machine for every state and event")
  func followsMachine() async throws {
    let f = try await Fixture()
    typealias Event = (
      name: String, pure: (JobLifecycle) -> JobLifecycle.Action,
      store: (JobReference, JobSpecification) async throws -> Void
    )
    let events: [Event] = [
      ("lease", { $0.leased() }, { _, _ in _ = try await f.lease("w", 100) }),
      (
        "complete", { $0.reported(.completed, attempt: $0.attempt) },
        { r, _ in _ = try await f.jobs.complete(r, worker: "w", result: Fixture.result) }
      ),
      (
        "retry", { $0.reported(.retry(after: .zero), attempt: $0.attempt) },
        { r, _ in
          try await f.jobs.fail(
            r, worker: "w", failure: Fixture.failure, verdict: .retry(after: .zero))
        }
      ),
      (
        "give up", { $0.reported(.cancel, attempt: $0.attempt) },
        { r, _ in
          try await f.jobs.fail(r, worker: "w", failure: Fixture.failure, verdict: .cancel)
        }
      ),
      (
        "discard", { $0.reported(.discard, attempt: $0.attempt) },
        { r, _ in
          try await f.jobs.fail(r, worker: "w", failure: Fixture.failure, verdict: .discard)
        }
      ),
      ("lose", { $0.workerLost() }, { _, _ in try await f.jobs.release(worker: "w") }),
      ("cancel", { $0.cancelled() }, { _, _ in try await f.jobs.cancel(sweep: f.sweep) }),
      ("request", { $0.requested() }, { _, s in try await f.jobs.enqueue([s], sweep: f.sweep) }),
      ("forget", { $0.resultLost() }, { _, s in try await f.jobs.recompute(keys: [s.key]) }),
    ]
    for state in JobState.allCases {
      for event in events {
        let job = Fixture.job("\(state) \(event.name)")
        try await f.jobs.enqueue([job], sweep: f.sweep)
        try await f.connection.execute(
          """
          update jobs set state = \(state.rawValue), attempt = 5, failures = 1, deaths = 1,
            worker = 'w', started_at = now(),
            lease_expires_at = case when \(state == .running) then now() + interval '1 hour' end,
            scheduled_at = case when \(state == .scheduled || state == .retryable) then now() end,
            finished_at = case when \(state.isFinal) then now() end,
            result = case when \(state == .completed) then '{}'::jsonb end,
            artifacts = case when \(state == .completed) then '{}'::text[] end,
            failure = '{"code": "x", "message": "y"}'
          where key = \(job.key.hex)
          """)
        let id = try await f.connection.query("select id from jobs where key = \(job.key.hex)")
          .only().value("id", as: Int64.self)
        let before = try await f.lifecycle(id)
        try await event.store(JobReference(id: id, attempt: 5), job)
        let expected: JobLifecycle
        if case .move(let next) = event.pure(before) { expected = next } else { expected = before }
        #expect(try await f.lifecycle(id) == expected, "\(event.name) in \(state)")
        try await f.connection.execute(script: "truncate jobs, sweep_jobs")
      }
    }
  }
}
