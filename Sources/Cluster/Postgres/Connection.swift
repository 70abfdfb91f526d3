import Logging

/// A connection to PostgreSQL, on a thread of its own.
///
/// Statements of different tasks take turns. A transaction is one turn: its body is synchronous, so
/// nothing of another task can come between its statements.
///
/// A server that restarted while nothing was asked of it is connected to again. After the connection
/// broke during a statement, that statement throws `connectionLost` (whether it took
/// effect is unknown, so it is not repeated here) and the next one connects again.
public actor Connection {
  private let executor: ThreadExecutor
  private let url: PostgresURL
  private let logger: Logger
  private var session: Session?

  nonisolated public var unownedExecutor: UnownedSerialExecutor {
    executor.asUnownedSerialExecutor()
  }

  private init(_ url: PostgresURL, logger: Logger) {
    executor = ThreadExecutor(name: "postgres")
    self.url = url
    self.logger = logger
  }

  /// Connects to a database.
  ///
  /// - Throws: ``PostgresError`` `unreachable`, `serverTooOld`.
  public static func connect(
    to url: PostgresURL, logger: Logger = Logger(label: "espalier.postgres")
  ) async throws -> Connection {
    let connection = Connection(url, logger: logger)
    try await connection.open()
    return connection
  }

  /// Runs a statement and returns its rows.
  ///
  /// - Throws: ``PostgresError`` `statementFailed` with SQLSTATE and the server's words,
  ///   `connectionLost`, `unreachable`, `invalidValue`.
  @discardableResult
  public func query(_ sql: SQL) throws -> Rows { try connected().query(sql) }

  /// Runs a statement and returns how many rows it changed.
  @discardableResult
  public func execute(_ sql: SQL) throws -> Int { try connected().execute(sql) }

  /// Runs a text of several statements, all or nothing.
  public func execute(script: String) throws { try connected().execute(script: script) }

  /// Runs `body` in a transaction: committed when it returns, rolled back when it throws.
  public func transaction<Outcome: Sendable>(
    _ body: @Sendable (Session) throws -> Outcome
  ) throws -> Outcome {
    let session = try connected()
    try session.execute("begin")
    do {
      let outcome = try body(session)
      try session.execute("commit")
      return outcome
    } catch {
      // The first error is the one to report; a broken connection has rolled back by itself.
      if session.isConnected { _ = try? session.execute("rollback") }
      throw error
    }
  }

  /// Closes the connection; a later statement opens it again.
  public func close() { session = nil }

  private func open() throws { _ = try connected() }

  private func connected() throws(PostgresError) -> Session {
    if let session {
      if !session.isAlive {
        logger.debug("reconnecting", metadata: ["database": "\(url)"])
        try session.reconnect()
      }
      return session
    }
    let session = try Session(url, logger: logger)
    self.session = session
    return session
  }
}
