import Foundation
import Logging

/// A PostgreSQL server of our own under a folder, reached through a Unix socket only we can open.
///
/// Starting is safe from several processes at once, after a kill and after a reboot. The server
/// lives in a session of its own: a Ctrl-C in our terminal does not reach it. `fsync` stays on.
public struct PrivateCluster: Sendable {
  public enum Status: Sendable, Equatable {
    /// Never started.
    case absent
    case stopped
    case running(processID: Int32)
  }

  /// The folder as given, without symbolic links.
  let folder: String
  let logger: Logger

  /// - Parameter folder: Belongs to the cluster alone; made if missing.
  public init(folder: URL, logger: Logger = Logger(label: "espalier.postgres")) {
    self.folder = folder.standardizedFileURL.resolvingSymlinksInPath().path
    self.logger = logger
  }

  /// Whether the server runs, without asking it anything.
  public func status() throws -> Status {
    guard let placement = try ClusterPlacement.existing(in: folder),
      placement.dataVersion != nil
    else { return .absent }
    return placement.serverProcess.map { .running(processID: $0) } ?? .stopped
  }

  /// Where the server listens while it runs; nil before the first start.
  public func url() throws -> PostgresURL? {
    try ClusterPlacement.existing(in: folder).map(Self.url)
  }

  /// Starts the server if it does not run, making the cluster if there is none.
  ///
  /// - Returns: The URL of the database `espalier`, which exists and answers.
  /// - Throws: ``PostgresError`` `binariesMissing`, or `clusterFailed` with the server's log.
  @discardableResult
  public func start() async throws -> PostgresURL {
    do {
      try FileManager.default.createDirectory(
        atPath: folder, withIntermediateDirectories: true)
    } catch {
      throw PostgresError(
        .clusterFailed, "cannot make the folder \(folder) for the database", cause: "\(error)")
    }
    return try await FileLock.holding("\(folder)/lock") {
      let placement: ClusterPlacement
      if let existing = try ClusterPlacement.existing(in: folder) {
        placement = existing
      } else {
        placement = try await ClusterPlacement.make(in: folder)
      }
      if placement.serverProcess == nil {
        let binaries = try await ServerBinaries.find(madeBy: placement.dataVersion)
        if placement.dataVersion == nil { try await placement.initialise(binaries) }
        try await placement.startServer(binaries)
        logger.debug("started PostgreSQL", metadata: ["folder": "\(placement.home)"])
      }
      try await placement.awaitServer()
      return Self.url(placement)
    }
  }

  /// Stops the server: transactions are rolled back, connections closed, everything written.
  ///
  /// - Throws: ``PostgresError`` `clusterFailed` if it does not stop within a minute.
  public func stop() async throws {
    guard try ClusterPlacement.existing(in: folder) != nil else { return }
    try await FileLock.holding("\(folder)/lock") {
      guard let placement = try ClusterPlacement.existing(in: folder),
        let process = placement.serverProcess
      else { return }
      // SIGINT is PostgreSQL's fast shutdown.
      kill(process, SIGINT)
      let deadline = ContinuousClock.now + .seconds(60)
      while placement.isServer(process) {
        guard ContinuousClock.now < deadline else {
          throw PostgresError(
            .clusterFailed,
            "the database server (process \(process)) does not stop; see \(placement.log)")
        }
        try await Task.sleep(for: .milliseconds(20))
      }
      logger.debug("stopped PostgreSQL", metadata: ["folder": "\(placement.home)"])
    }
  }

  /// Stops the server and removes every file of the cluster.
  public func destroy() async throws {
    try await stop()
    if let placement = try ClusterPlacement.existing(in: folder) {
      try? FileManager.default.removeItem(atPath: placement.sockets)
      try? FileManager.default.removeItem(atPath: placement.home)
    }
    try? FileManager.default.removeItem(atPath: folder)
  }

  static let user = "espalier"
  static let database = "espalier"

  private static func url(_ placement: ClusterPlacement) -> PostgresURL {
    PostgresURL(socketFolder: placement.sockets, user: user, database: database)
  }
}
