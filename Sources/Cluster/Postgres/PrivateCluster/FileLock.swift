import Foundation

/// An exclusive lock on a file, held by one process at a time and let go when it dies.
enum FileLock {
  /// Waits for the lock and holds it during `body`.
  ///
  /// - Throws: ``PostgresError`` `clusterFailed` after `timeout`; what `body` throws.
  static func holding<Outcome>(
    _ path: String, timeout: Duration = .seconds(180), _ body: () async throws -> Outcome
  ) async throws -> Outcome {
    // Not inherited: a server started under the lock must not hold it for ever.
    let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
    guard descriptor >= 0 else { throw PostgresError.fromErrno("cannot open the lock \(path)") }
    defer { close(descriptor) }
    let deadline = ContinuousClock.now + timeout
    while flock(descriptor, LOCK_EX | LOCK_NB) != 0 {
      guard errno == EWOULDBLOCK || errno == EINTR else {
        throw PostgresError.fromErrno("cannot lock \(path)")
      }
      guard ContinuousClock.now < deadline else {
        throw PostgresError(
          .clusterFailed,
          "another process has been starting or stopping the database for \(timeout); "
            + "see who holds \(path)")
      }
      try await Task.sleep(for: .milliseconds(50))
    }
    return try await body()
  }
}
