import Digests
import Foundation
import JobEngine
import Postgres
import TestSupport
import Testing

@Suite("The schema", .tags(.system))
struct SchemaTests {
  @Test("refuses rows that break the job machine or a unit's range")
  func checks() async throws {
    let f = try await Fixture()
    try await f.jobs.enqueue([Fixture.job("a")], sweep: f.sweep)
    let digest = "repeat('a', 64)"
    let illegal = [
      "update jobs set state = 'pending'",
      "update jobs set state = 'running'",
      "update jobs set lease_expires_at = now()",
      "update jobs set state = 'completed', finished_at = now()",
      "update jobs set result = '{}'",
      "update jobs set state = 'cancelled'",
      "update jobs set state = 'retryable'",
      "update jobs set state = 'discarded', finished_at = now()",
      "update jobs set failures = 1",
      "update jobs set weight = -1",
      "update jobs set weight = 'nan'",
      "update jobs set failure = '{}'",
      "update jobs set key = 'short'",
      "update sweeps set state = 'completed'",
      "update sweeps set state = 'failed', finished_at = now()",
      "insert into artifacts values (upper(\(digest)), 'x', 1)",
      "insert into artifacts values (\(digest), 'x', -1)",
      """
      insert into variants (sweep_id, device, device_class, status, model_digest, model_name)
      select id, 'd', 'c', 'ready', \(digest), 'm' from sweeps
      """,
      """
      insert into variants (sweep_id, device, device_class, status, model_digest, model_name)
      select id, 'd', 'c', 'infeasible', \(digest), 'm' from sweeps
      """,
      """
      insert into variants
        (sweep_id, device, device_class, status, reason, model_digest, model_name, accuracy, images)
      select id, 'd', 'c', 'failed', 'r', \(digest), 'm', 91.5, 10 from sweeps
      """,
      """
      insert into scores (key, model_digest, data_digest, taps, tap_kind, estimator, samples,
        matrix, importance, digest, provenance)
      values (\(digest), \(digest), \(digest), '{a,b}', 'groups', 'biased', 10, '\\x00',
        '{1,2}', \(digest), '{}')
      """,
    ]
    for statement in illegal {
      let error = await #expect(throws: PostgresError.self, "\(statement)") {
        try await f.connection.execute(SQL(unescaped: statement))
      }
      #expect(error?.isCheckViolation == true, "\(statement): \(String(describing: error))")
    }
  }
}

@Suite("SweepStore", .tags(.system))
struct SweepStoreTests {
  let definition = Data(#"{"a": 1}"#.utf8)

  @Test("a name and a key are one sweep; another key takes the name over once it has ended")
  func naming() async throws {
    let f = try await Fixture()
    let key = Digest(parts: ["one"])
    let first = try await f.sweeps.create(name: "s", definition: definition, key: key)
    #expect(first.state == .running)
    #expect(try await f.sweeps.create(name: "s", definition: definition, key: key) == first)
    let other = Digest(parts: ["two"])
    let error = await #expect(throws: JobEngineError.self) {
      try await f.sweeps.create(name: "s", definition: definition, key: other)
    }
    #expect(error?.code == .nameInUse)
    try await f.sweeps.setStage("scores", sweep: first.id)
    #expect(try await f.sweeps.complete(first.id, report: definition))
    #expect(try await f.sweeps.complete(first.id, report: definition) == false)
    let second = try await f.sweeps.create(name: "s", definition: definition, key: other)
    #expect(second.id != first.id)
    #expect(try await f.sweeps.find("s").id == second.id)
    let old = try await f.sweeps.find(first.id)
    #expect(old.isSuperseded)
    #expect(old.stage == "scores")
    #expect(old.report == definition)
    #expect(try await f.sweeps.list().map(\.id) == [second.id, first.id, f.sweep])
    #expect(try await f.sweeps.unfinished().map(\.id) == [f.sweep, second.id])
  }

  @Test("a failed or cancelled sweep runs again when asked for again")
  func resume() async throws {
    let f = try await Fixture()
    let key = Digest(parts: ["one"])
    let sweep = try await f.sweeps.create(name: "s", definition: definition, key: key)
    try await f.sweeps.fail(sweep.id, error: "it's broken")
    #expect(try await f.sweeps.find("s").error == "it's broken")
    #expect(try await f.sweeps.create(name: "s", definition: definition, key: key).id == sweep.id)
    #expect(try await f.sweeps.find("s").state == .running)
  }

  @Test("an unknown sweep is named")
  func unknown() async throws {
    let f = try await Fixture()
    let error = await #expect(throws: JobEngineError.self) { try await f.sweeps.find("nope") }
    #expect(error?.code == .unknownSweep)
    #expect(error?.message.contains("'nope'") == true)
  }

  @Test("workers come, are heard of, and go")
  func workers() async throws {
    let f = try await Fixture()
    let store = WorkerStore(f.connection)
    for id in ["w1", "w2", "w1"] {
      try await store.connected(
        id: id, processID: 7, host: "h", identity: Data("{}".utf8), threads: 2)
    }
    try await store.seen(["w1", "w2"])
    try await store.gone("w1")
    #expect(try await store.list().map(\.id) == ["w2", "w1"])
    #expect(try await store.list().map(\.state) == [.connected, .gone])
    try await store.allGone()
    #expect(try await store.list().allSatisfy { $0.state == .gone })
  }
}
