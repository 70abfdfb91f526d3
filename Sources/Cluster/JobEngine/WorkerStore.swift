import Foundation
import Postgres

/// A worker process, as last heard of.
public struct WorkerRecord: Sendable, Codable, Hashable {
  public enum State: String, Sendable, Codable { case connected, gone }

  public var id: String
  public var processID: Int
  public var host: String
  /// Instruction set, library versions and program version, as JSON.
  public var identity: Data
  public var threads: Int
  public var state: State
  public var connectedAt: Date
  public var lastSeenAt: Date
}

/// The workers in the database, for `espalier status`; who holds which job is ``JobStore``'s.
public struct WorkerStore: Sendable {
  let connection: Connection

  public init(_ connection: Connection) { self.connection = connection }

  /// Records a worker that connected, or connected again.
  public func connected(
    id: String, processID: Int, host: String, identity: Data, threads: Int
  ) async throws {
    try await connection.execute(Self.connected(id, processID, host, identity, threads))
  }

  /// Records that workers were heard of.
  public func seen(_ ids: [String]) async throws {
    try await connection.execute(Self.seen(ids))
  }

  /// Records that a worker left or vanished.
  public func gone(_ id: String) async throws { try await connection.execute(Self.gone(id)) }

  /// Records that no worker is connected, as when a coordinator starts.
  public func allGone() async throws { try await connection.execute(Self.allGone) }

  /// All workers of the last day, connected ones first.
  public func list() async throws -> [WorkerRecord] {
    try await connection.query(Self.list).map { row in
      WorkerRecord(
        id: try row.value("id"), processID: try row.value("process_id"),
        host: try row.value("host"), identity: try row.value("identity"),
        threads: try row.value("threads"), state: try row.choice("state"),
        connectedAt: try row.value("connected_at"), lastSeenAt: try row.value("last_seen_at"))
    }
  }
}
