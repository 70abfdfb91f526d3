import Foundation

/// An empty database that goes away with the process: for tests and benchmarks.
///
/// All of a process's lie in one private cluster under the temporary folder, started with the first.
public enum TemporaryDatabase {
  /// Makes an empty database.
  ///
  /// - Throws: ``PostgresError``.
  public static func make() async throws -> PostgresURL {
    let url = try await cluster.value.url
    let name = "t" + UUID().uuidString.lowercased().replacingOccurrences(of: "-", with: "")
    let connection = try await Connection.connect(to: url)
    try await connection.execute("create database \(identifier: name)")
    await connection.close()
    return url.database(name)
  }

  private static let prefix = "espalier-temporary-"

  private static let cluster = Task { () throws -> (cluster: PrivateCluster, url: PostgresURL) in
    let temporary = FileManager.default.temporaryDirectory
    await removeLeftovers(in: temporary)
    let folder = temporary.appending(path: "\(prefix)\(getpid())")
    let cluster = PrivateCluster(folder: folder)
    let url = try await cluster.start()
    // A process may end at any place; this one runs at all of them but a kill.
    atexit { TemporaryDatabase.end() }
    return (cluster, url)
  }

  private static func end() {
    let finished = DispatchSemaphore(value: 0)
    Task.detached {
      try? await cluster.value.cluster.destroy()
      finished.signal()
    }
    _ = finished.wait(timeout: .now() + 30)
  }

  /// Clusters of processes that were killed.
  private static func removeLeftovers(in temporary: URL) async {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: temporary.path)) ?? []
    for name in names where name.hasPrefix(prefix) {
      guard let owner = Int32(name.dropFirst(prefix.count)), kill(owner, 0) != 0, errno == ESRCH
      else { continue }
      try? await PrivateCluster(folder: temporary.appending(path: name)).destroy()
    }
  }
}
