/// What went wrong at the database, in the server's or libpq's own words.
public struct PostgresError: Error, Sendable, CustomStringConvertible {
  public enum Code: String, Sendable {
    /// The connection string cannot be parsed.
    case invalidURL = "postgres.invalid_url"
    /// No server answered, or it refused us.
    case unreachable = "postgres.unreachable"
    /// The connection broke: the outcome of the statement is unknown, and the next one reconnects.
    case connectionLost = "postgres.connection_lost"
    /// The server is older than Espalier supports.
    case serverTooOld = "postgres.server_too_old"
    /// The server refused a statement; `sqlState` says why.
    case statementFailed = "postgres.statement_failed"
    /// A value cannot be sent, as a string with a zero byte.
    case invalidValue = "postgres.invalid_value"
    /// A column is missing, null, or not of the type asked for.
    case decodingFailed = "postgres.decoding_failed"
    /// The database is newer than this program, or a landed migration has changed.
    case incompatibleSchema = "postgres.incompatible_schema"
    /// PostgreSQL's programs are not installed.
    case binariesMissing = "postgres.binaries_missing"
    /// The private cluster could not be made, started or stopped.
    case clusterFailed = "postgres.cluster_failed"
  }

  public var code: Code
  /// What failed, on what, and what to do.
  public var message: String
  /// SQLSTATE, five characters, where the server gave one.
  public var sqlState: String?
  /// The server's detail and hint, or the failing program's output.
  public var cause: String?

  public init(_ code: Code, _ message: String, sqlState: String? = nil, cause: String? = nil) {
    self.code = code
    self.message = message
    self.sqlState = sqlState
    self.cause = cause
  }

  public var description: String {
    let state = sqlState.map { " [\($0)]" } ?? ""
    let cause = cause.map { "\n\($0)" } ?? ""
    return "\(message)\(state)\(cause)"
  }

  /// A row would have broken a uniqueness constraint (SQLSTATE 23505).
  public var isUniqueViolation: Bool { sqlState == "23505" }
  /// A row would have broken a CHECK (SQLSTATE 23514).
  public var isCheckViolation: Bool { sqlState == "23514" }
}
