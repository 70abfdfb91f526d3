import Foundation
import TestSupport
import Testing

@testable import Postgres

@Suite("SQL", .tags(.pure))
struct SQLTests {
  @Test("interpolated values become numbered places")
  func numbering() {
    let sql: SQL = "select \(1), \("two") from t where x = \(3.0)"
    #expect(sql.text == "select $1, $2 from t where x = $3")
    #expect(sql.valueCount == 3)
  }

  @Test("fragments compose and renumber")
  func composition() {
    let condition: SQL = "a = \(1) and b = \("x")"
    let sql: SQL = "select \(0) from t where \(condition) limit \(9)"
    #expect(sql.text == "select $1 from t where a = $2 and b = $3 limit $4")
    let joined = (["a = \(1)", "b = \(2)"] as [SQL]).joined(separator: " and ")
    #expect(joined.text == "a = $1 and b = $2")
    #expect(([] as [SQL]).joined(separator: " and ").text == "")
  }

  @Test("identifiers are quoted")
  func identifiers() {
    let name = "we\"ird; drop table t"
    #expect(("select \(identifier: name)" as SQL).text == "select \"we\"\"ird; drop table t\"")
  }

  @Test("a URL never prints its password, and says what is wrong without it")
  func redaction() throws {
    let url = try PostgresURL("postgres://ann:s3cret@db.example:5433/espalier")
    #expect(!"\(url)".contains("s3cret"))
    #expect(!String(reflecting: url.description).contains("s3cret"))
    #expect(try PostgresURL(url.revealed).options["password"] == "s3cret")
    #expect(url.options["host"] == "db.example")
    let error = #expect(throws: PostgresError.self) {
      try PostgresURL("postgres://ann:s3cret@[::1/x")
    }
    #expect(error?.code == .invalidURL)
    #expect(error.map { !"\($0)".contains("s3cret") } == true)
  }

  @Test("servers older than 13 are refused, and the error says what to do")
  func oldServer() throws {
    try Session.check(version: 130_000)
    let error = #expect(throws: PostgresError.self) { try Session.check(version: 120_022) }
    #expect(error?.code == .serverTooOld)
    #expect(error?.message.contains("PostgreSQL 12, which is too old") == true)
  }
}
