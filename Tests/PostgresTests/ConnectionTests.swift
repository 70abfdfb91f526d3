import Foundation
import Postgres
import TestSupport
import Testing

@Suite("Connection", .tags(.system))
struct ConnectionTests {
  @Test("every type survives the round trip")
  func roundTrip() async throws {
    let connection = try await Connection.connect(to: TemporaryDatabase.make())
    let id = UUID()
    let date = Date(timeIntervalSince1970: 1_790_000_000.123456)
    let bytes = Data((0...255).map(UInt8.init))
    let row = try await connection.query(
      """
      select \("naïve 'quote' \\ \"")::text as s, \(Int.min) as i, \(Int64.max) as l,
        \(0.1 + 0.2) as d, \(-Double.infinity) as inf, \(true) as b, \(id) as u, \(date) as t,
        \(bytes) as y, \(["a,b", "\"c\\", "NULL", "", "{}"]) as ss, \([1, -2]) as ii,
        \([0.1, 1e-300]) as dd, \([] as [String]) as none, \(String?.none)::text as n,
        \(json: Data(#"{"a": [1, 2]}"#.utf8)) as j
      """
    ).only()
    #expect(try row.value("s", as: String.self) == "naïve 'quote' \\ \"")
    #expect(try row.value("i", as: Int.self) == .min)
    #expect(try row.value("l", as: Int64.self) == .max)
    #expect(try row.value("d", as: Double.self) == 0.1 + 0.2)
    #expect(try row.value("inf", as: Double.self) == -.infinity)
    #expect(try row.value("b", as: Bool.self))
    #expect(try row.value("u", as: UUID.self) == id)
    let read = try row.value("t", as: Date.self)
    #expect(abs(read.timeIntervalSince(date)) < 1e-6, "microseconds are kept")
    #expect(try row.value("y", as: Data.self) == bytes)
    #expect(try row.value("ss", as: [String].self) == ["a,b", "\"c\\", "NULL", "", "{}"])
    #expect(try row.value("ii", as: [Int].self) == [1, -2])
    #expect(try row.value("dd", as: [Double].self) == [0.1, 1e-300])
    #expect(try row.value("none", as: [String].self) == [])
    #expect(try row.value("n", as: String?.self) == nil)
    #expect(try row.value("j", as: Data.self) == Data(#"{"a": [1, 2]}"#.utf8))
  }

  @Test(
    "text that looks like SQL stays text",
    arguments: [
      "'; drop table t; --", "\\'; select 1", "$1", "\u{202E}x", String(repeating: "'", count: 9),
    ])
  func injection(text: String) async throws {
    let connection = try await Connection.connect(to: TemporaryDatabase.make())
    try await connection.execute(script: "create table t (x text)")
    #expect(try await connection.execute("insert into t values (\(text))") == 1)
    let rows = try await connection.query("select x from t where x = \(text)")
    #expect(try rows.map { try $0.value("x", as: String.self) } == [text])
  }

  @Test("a zero byte is refused instead of cutting the text")
  func zeroByte() async throws {
    let connection = try await Connection.connect(to: TemporaryDatabase.make())
    let error = await #expect(throws: PostgresError.self) {
      try await connection.query("select \("a\0b")::text")
    }
    #expect(error?.code == .invalidValue)
  }

  @Test("a transaction that throws leaves nothing behind")
  func rollback() async throws {
    let connection = try await Connection.connect(to: TemporaryDatabase.make())
    try await connection.execute(script: "create table t (x bigint primary key)")
    struct Change: Error {}
    await #expect(throws: Change.self) {
      try await connection.transaction { session in
        try session.execute("insert into t values (\(1))")
        throw Change()
      }
    }
    let error = await #expect(throws: PostgresError.self) {
      try await connection.transaction { session in
        try session.execute("insert into t values (\(1))")
        try session.execute("insert into t values (\(1))")
      }
    }
    #expect(error?.isUniqueViolation == true)
    #expect(try await connection.query("select * from t").isEmpty)
    let count = try await connection.transaction { session in
      try session.execute("insert into t select generate_series(1, 5)")
    }
    #expect(count == 5)
    #expect(try await connection.query("select * from t").count == 5)
  }

  @Test("transactions of many tasks do not mix")
  func isolation() async throws {
    let connection = try await Connection.connect(to: TemporaryDatabase.make())
    try await connection.execute(script: "create table t (x bigint); insert into t values (0)")
    try await withThrowingTaskGroup(of: Void.self) { group in
      for _ in 0..<50 {
        group.addTask {
          try await connection.transaction { session in
            let x = try session.query("select x from t").only().value("x", as: Int.self)
            try session.execute("update t set x = \(x + 1)")
          }
        }
      }
      try await group.waitForAll()
    }
    let x = try await connection.query("select x from t").only().value("x", as: Int.self)
    #expect(x == 50)
  }

  @Test("errors keep SQLSTATE and the server's words")
  func errors() async throws {
    let connection = try await Connection.connect(to: TemporaryDatabase.make())
    let error = await #expect(throws: PostgresError.self) {
      try await connection.query("select * from nowhere")
    }
    #expect(error?.code == .statementFailed)
    #expect(error?.sqlState == "42P01")
    #expect(error?.message.contains("relation \"nowhere\" does not exist") == true)
  }

  @Test("a column that is missing or of another type is named")
  func decoding() async throws {
    let connection = try await Connection.connect(to: TemporaryDatabase.make())
    let row = try await connection.query("select 'x' as a, null as b").only()
    for column in ["a", "b", "c"] {
      let error = #expect(throws: PostgresError.self) { try row.value(column, as: Int.self) }
      #expect(error?.code == .decodingFailed)
      #expect(error?.message.contains("'\(column)'") == true)
    }
  }

  @Test("a lost connection is its own error, and the next statement connects again")
  func connectionLoss() async throws {
    let url = try await TemporaryDatabase.make()
    let connection = try await Connection.connect(to: url)
    let error = await #expect(throws: PostgresError.self) {
      try await connection.query("select pg_terminate_backend(pg_backend_pid())")
    }
    #expect(error?.code == .connectionLost)
    let row = try await connection.query("select to_char(now(), 'OF') as offset").only()
    #expect(try row.value("offset", as: String.self) == "+00", "settings are made again")
  }

  @Test("an unreachable server is named without its password")
  func unreachable() async throws {
    let url = try PostgresURL("postgres://ann:s3cret@127.0.0.1:1/x")
    let error = await #expect(throws: PostgresError.self) { try await Connection.connect(to: url) }
    #expect(error?.code == .unreachable)
    #expect(error.map { "\($0)".contains("127.0.0.1") && !"\($0)".contains("s3cret") } == true)
  }
}
