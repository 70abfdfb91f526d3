import CLibPQ
import Foundation
import Logging

/// A connection's statements, one after the other; blocks while the server works.
///
/// Only ``Connection`` makes one, and only its thread uses it: as the argument of a transaction.
public final class Session {
  /// How the server knows the connections of this process.
  public static let applicationName = "espalier \(getpid())"

  private let handle: OpaquePointer
  private let logger: Logger

  /// - Throws: ``PostgresError`` `unreachable` with libpq's words, `serverTooOld` below 13.
  init(_ url: PostgresURL, logger: Logger) throws(PostgresError) {
    var options = url.options
    options["client_encoding"] = "UTF8"
    options["application_name"] = options["application_name"] ?? Self.applicationName
    options["connect_timeout"] = options["connect_timeout"] ?? "10"
    guard let handle = Self.connect(options) else {
      throw PostgresError(.unreachable, "no memory for a database connection")
    }
    self.handle = handle
    self.logger = logger
    guard PQstatus(handle) == CONNECTION_OK else {
      throw PostgresError(
        .unreachable, "the database \(url) cannot be reached; is the server up and the URL right?",
        cause: words)
    }
    try Self.check(version: Int(PQserverVersion(handle)))
    try configure()
  }

  deinit { PQfinish(handle) }

  /// False once the connection broke.
  var isConnected: Bool { PQstatus(handle) == CONNECTION_OK }

  /// False if the server hung up while nothing was asked of it. Call between statements.
  ///
  /// The first call may read the server's parting words, the second then its hanging up.
  var isAlive: Bool {
    PQconsumeInput(handle) == 1 && PQconsumeInput(handle) == 1 && isConnected
  }

  /// Connects again to where it was connected.
  func reconnect() throws(PostgresError) {
    PQreset(handle)
    guard isConnected else {
      throw PostgresError(.unreachable, "the database went away and does not answer", cause: words)
    }
    try configure()
  }

  /// Runs a statement and returns its rows.
  ///
  /// - Throws: ``PostgresError`` `statementFailed` with SQLSTATE and the server's words,
  ///   `connectionLost`, `invalidValue`.
  @discardableResult
  public func query(_ sql: SQL) throws(PostgresError) -> Rows { Rows(result: try run(sql)) }

  /// Runs a statement and returns how many rows it changed.
  @discardableResult
  public func execute(_ sql: SQL) throws(PostgresError) -> Int { try run(sql).affectedRows }

  /// Runs a text of several statements without values, all or nothing outside a transaction.
  public func execute(script: String) throws(PostgresError) {
    guard !script.utf8.contains(0) else {
      throw PostgresError(.invalidValue, "an SQL script holds a zero byte")
    }
    _ = try received(PQexec(handle, script), running: script)
  }

  private func run(_ sql: SQL) throws(PostgresError) -> ResultHandle {
    let text = sql.text
    guard !text.utf8.contains(0) else {
      throw PostgresError(.invalidValue, "an SQL statement holds a zero byte")
    }
    for (index, value) in sql.values.enumerated() where !value.isBinary {
      guard value.bytes?.contains(0) != true else {
        throw PostgresError(
          .invalidValue,
          "value $\(index + 1) of \(Self.excerpt(text)) holds a zero byte, which "
            + "PostgreSQL's text cannot; send it as Data")
      }
    }
    logger.trace("statement", metadata: ["sql": "\(Self.excerpt(text))"])
    return try received(Self.send(text, sql.values, on: handle), running: text)
  }

  /// The one place where libpq's verdict on a statement becomes a value or an error.
  private func received(
    _ result: OpaquePointer?, running text: String
  ) throws(PostgresError) -> ResultHandle {
    guard let result else {
      throw PostgresError(.connectionLost, "the database connection broke", cause: words)
    }
    let status = PQresultStatus(result)
    if status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK || status == PGRES_EMPTY_QUERY {
      return ResultHandle(owning: result)
    }
    defer { PQclear(result) }
    func field(_ code: Character) -> String? {
      code.asciiValue.flatMap { PQresultErrorField(result, Int32($0)) }.map { String(cString: $0) }
    }
    let state = field("C")
    guard isConnected else {
      throw PostgresError(
        .connectionLost, "the database connection broke during \(Self.excerpt(text))",
        sqlState: state, cause: words)
    }
    let notes = [field("D"), field("H"), field("W")].compactMap(\.self)
    throw PostgresError(
      .statementFailed, "\(field("M") ?? words) (in \(Self.excerpt(text)))", sqlState: state,
      cause: notes.isEmpty ? nil : notes.joined(separator: "\n"))
  }

  /// Text forms that ``PostgresDecodable`` reads, whatever the server's or user's settings.
  private func configure() throws(PostgresError) {
    try execute(
      script: """
        set datestyle to 'ISO'; set timezone to 'UTC'; set bytea_output to 'hex';
        set extra_float_digits to 1; set standard_conforming_strings to on;
        set client_min_messages to warning
        """)
  }

  /// - Parameter version: As `server_version_num`: 150004 is 15.4.
  static func check(version: Int) throws(PostgresError) {
    guard version < 130_000 else { return }
    throw PostgresError(
      .serverTooOld,
      "the database server is PostgreSQL \(version / 10_000), which is too old: Espalier needs 13 "
        + "or newer; upgrade it, or leave out --database to use a private one")
  }

  private var words: String {
    String(cString: PQerrorMessage(handle)).trimmingWhitespace()
  }

  private static func excerpt(_ text: String) -> String {
    let line = text.split(whereSeparator: \.isWhitespace).joined(separator: " ")
    return line.count > 160 ? "“\(line.prefix(160))…”" : "“\(line)”"
  }

  private static func connect(_ options: [String: String]) -> OpaquePointer? {
    let pairs = options.sorted { $0.key < $1.key }
    return withCStrings(pairs.map { Array($0.key.utf8) }) { keywords in
      withCStrings(pairs.map { Array($0.value.utf8) }) { values in
        PQconnectdbParams(keywords.baseAddress, values.baseAddress, 0)
      }
    }
  }

  private static func send(
    _ text: String, _ values: [PostgresValue], on handle: OpaquePointer
  ) -> OpaquePointer? {
    let types = values.map { Oid($0.type.rawValue) }
    let lengths = values.map { Int32($0.bytes?.count ?? 0) }
    let formats = values.map { $0.isBinary ? Int32(1) : 0 }
    return withCStrings(values.map(\.bytes)) { pointers in
      PQexecParams(
        handle, text, Int32(values.count), types, pointers.baseAddress, lengths, formats, 0)
    }
  }

  /// The byte strings, each closed by a zero, and after them a null: libpq's form of a list.
  private static func withCStrings<Outcome>(
    _ strings: [[UInt8]?],
    _ body: (UnsafeBufferPointer<UnsafePointer<CChar>?>) -> Outcome
  ) -> Outcome {
    var offsets: [Int?] = []
    var storage: [UInt8] = []
    for string in strings {
      offsets.append(string == nil ? nil : storage.count)
      if let string {
        storage += string
        storage.append(0)
      }
    }
    storage.append(0)
    return storage.withUnsafeBytes { bytes in
      let start = bytes.baseAddress?.assumingMemoryBound(to: CChar.self)
      let pointers = offsets.map { offset in offset.flatMap { start?.advanced(by: $0) } } + [nil]
      return pointers.withUnsafeBufferPointer(body)
    }
  }
}

extension String {
  func trimmingWhitespace() -> String {
    var text = Substring(self)
    while text.first?.isWhitespace == true { text.removeFirst() }
    while text.last?.isWhitespace == true { text.removeLast() }
    return String(text)
  }
}
