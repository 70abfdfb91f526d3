/// Brings a database's schema to the program's, once, whoever asks at the same time.
///
/// Every migration that has landed is recorded with the SHA-256 of its text: a file that changed
/// afterwards, or a database that knows migrations this program does not, is refused.
public struct Migrator: Sendable {
  public typealias Migration = (name: String, sql: String)

  private let migrations: [Migration]

  /// - Parameter migrations: Oldest first.
  public init(_ migrations: [Migration]) { self.migrations = migrations }

  /// Applies what is missing, all of it or nothing.
  ///
  /// - Returns: The names of the migrations that were applied.
  /// - Throws: ``PostgresError`` `incompatibleSchema`; `statementFailed` for faulty SQL.
  @discardableResult
  public func migrate(_ connection: Connection) async throws -> [String] {
    try await connection.transaction { session in
      try session.query("select pg_advisory_xact_lock(\(Self.lockKey))")
      try session.execute(script: Self.table)
      let missing = try self.missing(in: session)
      for migration in missing {
        try session.execute(script: migration.sql)
        try session.execute(
          """
          insert into schema_migrations (name, sha256)
          values (\(migration.name), encode(sha256(convert_to(\(migration.sql), 'UTF8')), 'hex'))
          """)
      }
      return missing.map(\.name)
    }
  }

  /// The names of the migrations that ``migrate(_:)`` would apply; changes nothing.
  ///
  /// - Throws: ``PostgresError`` `incompatibleSchema`.
  public func pending(_ connection: Connection) async throws -> [String] {
    try await connection.transaction { session in
      let table = try session.query("select to_regclass('schema_migrations') is not null as there")
      guard try table.only().value("there", as: Bool.self) else { return migrations.map(\.name) }
      return try missing(in: session).map(\.name)
    }
  }

  private func missing(in session: Session) throws(PostgresError) -> [Migration] {
    var landed: [String: String] = [:]
    for row in try session.query("select name, sha256 from schema_migrations") {
      landed[try row.value("name")] = try row.value("sha256", as: String.self)
    }
    if let unknown = landed.keys.filter({ name in !migrations.contains { $0.name == name } }).min()
    {
      throw PostgresError(
        .incompatibleSchema,
        "the database is newer than this program: it has the migration '\(unknown)'; "
          + "use the version of Espalier that made it, or another database")
    }
    var missing: [Migration] = []
    for migration in migrations {
      guard let known = landed[migration.name] else {
        missing.append(migration)
        continue
      }
      let digest = try session.query(
        "select encode(sha256(convert_to(\(migration.sql), 'UTF8')), 'hex') as digest")
      guard try digest.only().value("digest", as: String.self) == known else {
        throw PostgresError(
          .incompatibleSchema,
          "the migration '\(migration.name)' is not the one this database was made with; "
            + "use the version of Espalier that made it, or another database")
      }
    }
    return missing
  }

  /// "espalier" as eight bytes: any number that no other program's lock uses.
  private static let lockKey: Int64 = 0x6573_7061_6c69_6572

  private static let table = """
    create table if not exists schema_migrations (
      name        text        primary key,
      sha256      text        not null,
      applied_at  timestamptz not null default now()
    )
    """
}
