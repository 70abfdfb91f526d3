import CLibPQ

/// The rows a statement returned, in order.
public struct Rows: RandomAccessCollection, Sendable {
  let result: ResultHandle

  public var startIndex: Int { 0 }
  public var endIndex: Int { result.rowCount }
  public subscript(position: Int) -> Row {
    precondition(indices.contains(position), "row \(position) of \(count)")
    return Row(result: result, index: position)
  }

  /// The only row.
  ///
  /// - Throws: ``PostgresError`` `decodingFailed` if there are none or several.
  public func only() throws(PostgresError) -> Row {
    guard count == 1 else {
      throw PostgresError(.decodingFailed, "expected one row, the database returned \(count)")
    }
    return self[0]
  }
}

/// One row; its columns are read by name.
public struct Row: Sendable {
  let result: ResultHandle
  let index: Int

  /// The column as a `Value`; write `Value?` for one that may be null.
  ///
  /// - Throws: ``PostgresError`` `decodingFailed` that names the column.
  public func value<Value: PostgresDecodable>(
    _ column: String, as type: Value.Type = Value.self
  ) throws(PostgresError) -> Value {
    guard let position = result.columns[column] else {
      throw PostgresError(
        .decodingFailed,
        "no column '\(column)' among \(result.columns.keys.sorted().joined(separator: ", "))")
    }
    let text = result.text(row: index, column: position)
    guard let value = Value.decode(text) else {
      let seen = text.map { "'\($0.prefix(80))'" } ?? "null"
      throw PostgresError(.decodingFailed, "column '\(column)' holds \(seen), which is no \(type)")
    }
    return value
  }
}

// Unchecked: a PGresult does not change once libpq has handed it out, and libpq's manual (34.20,
// "Behavior in Threaded Programs") allows any number of threads to read it.
final class ResultHandle: @unchecked Sendable {
  private let result: OpaquePointer
  let rowCount: Int
  let columns: [String: Int32]

  /// Takes over `result` and frees it in the end.
  init(owning result: OpaquePointer) {
    self.result = result
    rowCount = Int(PQntuples(result))
    var columns: [String: Int32] = [:]
    for column in 0..<PQnfields(result) {
      guard let name = PQfname(result, column) else { continue }
      // Of two columns with one name the first is meant.
      columns[String(cString: name)] = columns[String(cString: name)] ?? column
    }
    self.columns = columns
  }

  deinit { PQclear(result) }

  func text(row: Int, column: Int32) -> String? {
    guard PQgetisnull(result, Int32(row), column) == 0,
      let start = PQgetvalue(result, Int32(row), column)
    else { return nil }
    let length = Int(PQgetlength(result, Int32(row), column))
    let bytes = UnsafeRawBufferPointer(start: start, count: length)
    return String(decoding: bytes, as: UTF8.self)
  }

  /// How many rows the statement inserted, updated, deleted or returned.
  var affectedRows: Int { PQcmdTuples(result).flatMap { Int(String(cString: $0)) } ?? 0 }
}
