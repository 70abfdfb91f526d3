import Postgres

/// The scores of models in PostgreSQL.
public struct ScoreStore: Sendable {
  let connection: Connection

  public init(_ connection: Connection) {
    self.connection = connection
  }

  /// Writes scores; those of the same key stay as they are, because the key names their content.
  ///
  /// - Parameter sweep: The id of a sweep that is to point to them.
  public func save(_ scores: Scores, sweep: String? = nil) async throws {
    try await connection.transaction { session in
      try session.execute(Self.insert(scores))
      if let sweep { try session.execute(Self.link(scores.key, sweep: sweep)) }
    }
  }

  /// The scores of a key, or nil.
  public func find(key: String) async throws -> Scores? {
    try await connection.query(Self.select(key: key)).first.map { try Self.scores(of: $0) }
  }

  /// The scores of a sweep, by name or id.
  ///
  /// - Throws: ``CatalogueError`` `notFound` where there is no such sweep, or none for it yet.
  public func find(sweep: String) async throws -> Scores {
    if let row = try await connection.query(Self.select(sweep: sweep)).first {
      return try Self.scores(of: row)
    }
    let exists = try await !connection.query(VariantStore.sweeps(sweep)).isEmpty
    throw CatalogueError(
      .notFound,
      exists
        ? "the sweep '\(sweep)' has no scores yet; 'espalier watch' shows how far it is"
        : "there is no sweep '\(sweep)'; 'espalier sweeps' lists their names and ids")
  }
}
