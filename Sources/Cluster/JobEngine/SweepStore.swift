import Digests
import Foundation
import Postgres

/// What a user asked for: one model, one catalogue of devices, one recipe.
public struct Sweep: Sendable, Codable, Hashable {
  public enum State: String, Sendable, Codable {
    case running, completed, failed, cancelled
  }

  public var id: String
  public var name: String
  /// Another sweep has its name by now; this one is found by its id.
  public var isSuperseded: Bool
  /// Everything it was asked with, as JSON.
  public var definition: Data
  /// The definition's digest.
  public var key: Digest
  public var state: State
  /// What it is at, for people.
  public var stage: String
  /// Why it failed.
  public var error: String?
  public var createdAt: Date
  public var finishedAt: Date?
  public var scoresKey: Digest?
  /// What came of it, as JSON.
  public var report: Data?
}

/// The sweeps in the database.
public struct SweepStore: Sendable {
  let connection: Connection

  public init(_ connection: Connection) { self.connection = connection }

  /// Asks for a sweep.
  ///
  /// The same name and key are the same sweep: one that runs or is completed is returned as it is,
  /// one that failed or was cancelled runs again. Another key under a used name makes a new sweep,
  /// which has the name from then on.
  ///
  /// - Throws: ``JobEngineError`` `nameInUse` if the name's sweep is another and still runs.
  public func create(name: String, definition: Data, key: Digest) async throws -> Sweep {
    try await connection.transaction { session in
      try session.execute(Self.lockNames)
      if let current = try session.query(Self.current(name)).first.map(Sweep.init) {
        if current.key == key {
          guard current.state == .failed || current.state == .cancelled else { return current }
          return try Sweep(session.query(Self.resume(current.id)).only())
        }
        guard current.state != .running else {
          throw JobEngineError(
            .nameInUse,
            "a sweep named '\(name)' with another definition is running (\(current.id)); "
              + "cancel it, wait for it, or choose another --name")
        }
        try session.execute(Self.supersede(current.id))
      }
      return try Sweep(session.query(Self.insert(name, definition, key)).only())
    }
  }

  /// The sweep of an id, or the newest of a name.
  ///
  /// - Throws: ``JobEngineError`` `unknownSweep`.
  public func find(_ nameOrID: String) async throws -> Sweep {
    guard let row = try await connection.query(Self.find(nameOrID)).first else {
      throw JobEngineError(
        .unknownSweep, "no sweep is called '\(nameOrID)'; 'espalier sweeps' lists them")
    }
    return try Sweep(row)
  }

  /// All sweeps, newest first.
  /// Takes up a completed sweep again: some of what it found is lost, or was given up.
  public func reopen(_ id: String) async throws -> Sweep {
    try await Sweep(connection.query(Self.resume(id)).only())
  }

  public func list() async throws -> [Sweep] {
    try await connection.query(Self.list).map(Sweep.init)
  }

  /// The running ones, oldest first: what a coordinator resumes.
  public func unfinished() async throws -> [Sweep] {
    try await connection.query(Self.unfinished).map(Sweep.init)
  }

  /// Says what a running sweep is at.
  public func setStage(_ stage: String, sweep id: String) async throws {
    try await connection.execute(Self.setStage(stage, id))
  }

  /// Names the row of `scores` that a sweep uses.
  public func setScores(_ key: Digest, sweep id: String) async throws {
    try await connection.execute(Self.setScores(key, id))
  }

  /// Ends a running sweep with its report.
  ///
  /// - Returns: False if it had ended before.
  @discardableResult
  public func complete(_ id: String, report: Data) async throws -> Bool {
    try await connection.execute(Self.finish(id, .completed, report: report, error: nil)) == 1
  }

  /// Ends a running sweep that failed.
  @discardableResult
  public func fail(_ id: String, error: String) async throws -> Bool {
    try await connection.execute(Self.finish(id, .failed, report: nil, error: error)) == 1
  }

  /// Ends a running sweep; its jobs are ``JobStore/cancel(sweep:)``'s.
  @discardableResult
  public func cancel(_ id: String) async throws -> Bool {
    try await connection.execute(Self.finish(id, .cancelled, report: nil, error: nil)) == 1
  }
}

extension Sweep {
  init(_ row: Row) throws(PostgresError) {
    self.init(
      id: try row.value("id"), name: try row.value("name"),
      isSuperseded: try row.value("superseded"), definition: try row.value("definition"),
      key: try row.digest("key"), state: try row.choice("state"), stage: try row.value("stage"),
      error: try row.value("error"), createdAt: try row.value("created_at"),
      finishedAt: try row.value("finished_at"),
      scoresKey: try row.value("scores_key", as: String?.self).flatMap { Digest(hex: $0) },
      report: try row.value("report"))
  }
}
