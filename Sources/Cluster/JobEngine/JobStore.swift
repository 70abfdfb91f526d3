import Digests
import Foundation
import Postgres

/// The jobs in the database: ``JobLifecycle``'s machine, carried out for many jobs at a time.
///
/// The database's clock decides leases. Only the coordinator writes.
public struct JobStore: Sendable {
  let connection: Connection

  public init(_ connection: Connection) { self.connection = connection }

  /// Asks for jobs on behalf of a sweep; asking twice changes nothing.
  ///
  /// - Complexity: One statement, whatever the number.
  @discardableResult
  public func enqueue(
    _ jobs: [JobSpecification], sweep: String
  ) async throws -> EnqueueOutcome {
    guard !jobs.isEmpty else { return EnqueueOutcome() }
    let row = try await connection.query(Self.enqueue(jobs, sweep: sweep)).only()
    return EnqueueOutcome(
      new: try row.value("new"), reused: try row.value("reused"),
      revived: try row.value("revived"), shared: try row.value("shared"))
  }

  /// Tells the database's planner how many jobs there are: a table that has grown fast is sorted as
  /// a whole where an index would do.
  public func refreshStatistics() async throws {
    try await connection.execute(script: "analyze jobs; analyze sweep_jobs")
  }

  /// The jobs that can be leased: highest priority first, then the oldest.
  public func available(limit: Int) async throws -> [QueuedJob] {
    try await connection.query(Self.available(limit: limit)).map(QueuedJob.init)
  }

  /// Jobs by id.
  public func find(_ ids: [Int64]) async throws -> [QueuedJob] {
    try await connection.query(Self.find(ids)).map(QueuedJob.init)
  }

  /// Leases jobs to workers.
  ///
  /// - Returns: The attempts, of those jobs that could be leased still.
  /// - Complexity: One statement, whatever the number; so are ``extend(_:duration:)`` and
  ///   ``complete(_:)``.
  public func lease(
    _ assignments: [Assignment], duration: Duration
  ) async throws -> Set<JobReference> {
    guard !assignments.isEmpty else { return [] }
    let rows = try await connection.query(Self.lease(assignments, seconds: duration.seconds))
    return Set(try rows.map(JobReference.init))
  }

  /// Extends leases.
  ///
  /// - Returns: Those that are still held; the others should be dropped.
  public func extend(_ held: [HeldJob], duration: Duration) async throws -> Set<JobReference> {
    guard !held.isEmpty else { return [] }
    let rows = try await connection.query(Self.extend(held, seconds: duration.seconds))
    return Set(try rows.map(JobReference.init))
  }

  /// Records results.
  ///
  /// - Returns: Those recorded; the others' workers no longer held their jobs.
  public func complete(_ completions: [Completion]) async throws -> Set<JobReference> {
    guard !completions.isEmpty else { return [] }
    return Set(try await connection.query(Self.complete(completions)).map(JobReference.init))
  }

  /// Records how a failed attempt ends.
  ///
  /// - Parameter verdict: Any but `completed`.
  /// - Returns: The job's state afterwards; nil if the worker no longer held it.
  @discardableResult
  public func fail(
    _ reference: JobReference, worker: String, failure: JobFailure, verdict: Verdict
  ) async throws -> JobState? {
    precondition(verdict != .completed, "a completed job comes with a result: use complete")
    return try await connection.transaction { session in
      guard
        let row = try session.query(Self.lifecycle(of: reference, worker: worker)).first,
        case .move(let next) = try JobLifecycle(row).reported(verdict, attempt: reference.attempt)
      else { return nil }
      var delay: Double?
      if case .retry(let after) = verdict { delay = after.seconds }
      try session.execute(Self.fail(reference, to: next, failure: failure, delay: delay))
      return next.state
    }
  }

  /// Gives a vanished worker's jobs back at once.
  ///
  /// - Returns: How many it held.
  @discardableResult
  public func release(worker: String) async throws -> Int {
    try await connection.execute(Self.lost(where: "worker = \(worker)"))
  }

  /// Gives back the jobs whose leases ran out.
  ///
  /// - Returns: How many there were.
  @discardableResult
  public func rescueExpired() async throws -> Int {
    try await connection.execute(Self.lost(where: "lease_expires_at <= now()"))
  }

  /// Cancels a sweep's jobs that are not final and that no other running sweep needs.
  ///
  /// - Returns: Those that workers were busy with, for telling them.
  @discardableResult
  public func cancel(sweep: String) async throws -> [(worker: String, reference: JobReference)] {
    try await connection.query(Self.cancel(sweep: sweep)).compactMap { row in
      guard let worker = try row.value("held_by", as: String?.self) else { return nil }
      return (worker, try JobReference(row))
    }
  }

  /// Makes completed jobs available again, whose artifacts are gone.
  ///
  /// - Returns: How many there were.
  @discardableResult
  public func recompute(keys: [Digest]) async throws -> Int {
    try await connection.execute(Self.recompute(keys))
  }

  /// Those of the jobs that are completed.
  public func completed(keys: [Digest]) async throws -> Set<Digest> {
    Set(try await connection.query(Self.completed(keys)).map { try $0.digest("key") })
  }

  /// What the results of a sweep's stages depend on in their last bits, by stage: libraries and
  /// instruction sets, more than one where machines were mixed.
  public func identities(sweep: String) async throws -> [String: [String]] {
    let rows = try await connection.query(Self.identities(sweep: sweep))
    let pairs = try rows.map { row in
      (try row.value("stage", as: String.self), try row.value("identity", as: String.self))
    }
    return Dictionary(grouping: pairs, by: \.0).mapValues { $0.map(\.1) }
  }

  /// The results of those of the jobs that are completed.
  public func results(keys: [Digest]) async throws -> [Digest: JobResult] {
    var results: [Digest: JobResult] = [:]
    for row in try await connection.query(Self.results(keys)) {
      results[try row.digest("key")] = JobResult(
        summary: try row.value("result"), artifacts: try row.digests("artifacts"))
    }
    return results
  }

  /// How many of a sweep's jobs of a stage are completed, and how many attempts they took.
  public func attempts(sweep: String, stage: String) async throws -> (completed: Int, attempts: Int)
  {
    let row = try await connection.query(Self.attempts(sweep: sweep, stage: stage)).only()
    return (try row.value("completed"), try row.value("attempts"))
  }

  /// The summary of a sweep's completed job of a label; nil while there is none.
  public func summary(sweep: String, label: String) async throws -> Data? {
    try await connection.query(Self.summary(sweep: sweep, label: label)).first?.value("result")
  }

  /// A sweep's jobs by stage and state.
  public func counts(sweep: String) async throws -> [StageCount] {
    try await connection.query(Self.counts(sweep: sweep)).map(StageCount.init)
  }

  /// A sweep's jobs whose latest attempt failed, in the order they were asked for.
  public func failures(sweep: String) async throws -> [FailedJob] {
    try await connection.query(Self.failures(sweep: sweep)).map(FailedJob.init)
  }

  /// A sweep's completed jobs of a stage, in the order they were asked for.
  public func completed(sweep: String, stage: String) async throws -> [CompletedJob] {
    try await connection.query(Self.completed(sweep: sweep, stage: stage)).map(CompletedJob.init)
  }
}
