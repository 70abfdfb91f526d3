import Digests
import Foundation
import JobEngine
import Postgres
import TestSupport
import Testing

@Suite("JobStore.record", .tags(.system))
struct JobRecordingTests {
  @Test("a job done outside the queue is completed, belongs to its sweep and is never leased")
  func record() async throws {
    let f = try await Fixture()
    try await f.jobs.enqueue([Fixture.job("tile")], sweep: f.sweep)
    let sum = Fixture.job("sum", weight: 3)
    try await f.jobs.record(sum, result: Fixture.result, sweep: f.sweep)
    #expect(try await f.jobs.results(keys: [sum.key]) == [sum.key: Fixture.result])
    let counts = try await f.jobs.counts(sweep: f.sweep)
    #expect(counts.first { $0.state == .completed }?.weight == 3)
    #expect(counts.reduce(0) { $0 + $1.jobs } == 2)
    #expect(try await f.lease("w", 9).map(\.specification.label) == ["tile"])
    #expect(try await f.jobs.enqueue([sum], sweep: f.sweep) == EnqueueOutcome(reused: 1))
  }

  @Test("recorded twice it is recorded once, and a second sweep gets it too")
  func twice() async throws {
    let f = try await Fixture()
    let other = try await f.sweeps.create(
      name: "second", definition: Data("{}".utf8), key: Digest(parts: ["second"])
    ).id
    let sum = Fixture.job("sum")
    for sweep in [f.sweep, f.sweep, other] {
      try await f.jobs.record(sum, result: Fixture.result, sweep: sweep)
    }
    let rows = try await f.connection.query("select count(*) as count from jobs").only()
    #expect(try rows.value("count", as: Int.self) == 1)
    for sweep in [f.sweep, other] {
      #expect(try await f.jobs.counts(sweep: sweep).map(\.jobs) == [1])
    }
    #expect(try await f.jobs.results(keys: [sum.key]) == [sum.key: Fixture.result])
  }

  @Test("a result that was lost, or a job that was given up, is recorded over")
  func recordedOver() async throws {
    let f = try await Fixture()
    let sum = Fixture.job("sum")
    let newer = JobResult(summary: Data(#"{"x": 2}"#.utf8), artifacts: [Digest(parts: ["c"])])
    try await f.jobs.record(sum, result: Fixture.result, sweep: f.sweep)
    #expect(try await f.jobs.recompute(keys: [sum.key]) == 1)
    try await f.jobs.record(sum, result: newer, sweep: f.sweep)
    #expect(try await f.jobs.results(keys: [sum.key]) == [sum.key: newer])
    for verdict in [Verdict.discard, .retry(after: .seconds(60)), .cancel] {
      let job = Fixture.job("\(verdict)")
      try await f.jobs.enqueue([job], sweep: f.sweep)
      let leased = try #require(try await f.lease("w").first)
      try await f.jobs.fail(
        leased.reference, worker: "w", failure: Fixture.failure, verdict: verdict)
      try await f.jobs.record(job, result: newer, sweep: f.sweep)
      #expect(try await f.jobs.results(keys: [job.key]) == [job.key: newer])
      #expect(try await f.lease("w").isEmpty)
    }
    #expect(try await f.jobs.failures(sweep: f.sweep).isEmpty)
  }

  @Test("a worker's late result does not replace what was recorded")
  func late() async throws {
    let f = try await Fixture()
    let job = Fixture.job("sum")
    try await f.jobs.enqueue([job], sweep: f.sweep)
    let leased = try #require(try await f.lease("w").first)
    try await f.jobs.record(job, result: Fixture.result, sweep: f.sweep)
    let late = JobResult(summary: Data("{}".utf8))
    #expect(try await f.jobs.complete(leased.reference, worker: "w", result: late) == false)
    #expect(try await f.jobs.rescueExpired() == 0)
    #expect(try await f.jobs.results(keys: [job.key]) == [job.key: Fixture.result])
  }
}
