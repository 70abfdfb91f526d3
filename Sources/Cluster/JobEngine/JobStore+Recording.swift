import Digests
import Postgres

extension JobStore {
  /// Writes down a job that was done outside the queue, with its result: a sum of other results.
  ///
  /// Recorded twice, it is recorded once: equal keys have equal results.
  public func record(
    _ job: JobSpecification, result: JobResult, sweep: String
  ) async throws {
    try await connection.execute(Self.record(job, result: result, sweep: sweep))
  }
}
