import Postgres
import TestSupport
import Testing

@Suite("Migrator", .tags(.system))
struct MigratorTests {
  let first = (name: "0001_a", sql: "create table a (x bigint); insert into a values (1)")
  let second = (name: "0002_b", sql: "create table b (x bigint)")

  @Test("migrations land once, in order, whoever asks at the same time")
  func once() async throws {
    let url = try await TemporaryDatabase.make()
    let migrator = Migrator([first, second])
    let connection = try await Connection.connect(to: url)
    #expect(try await migrator.pending(connection) == ["0001_a", "0002_b"])
    let applied = try await withThrowingTaskGroup(of: [String].self) { group in
      for _ in 0..<4 {
        group.addTask { try await migrator.migrate(Connection.connect(to: url)) }
      }
      return try await group.reduce(into: []) { $0 += $1 }
    }
    #expect(applied == ["0001_a", "0002_b"])
    #expect(try await migrator.pending(connection).isEmpty)
    #expect(try await connection.query("select * from a").count == 1)
  }

  @Test("a faulty migration leaves nothing of its run")
  func faulty() async throws {
    let connection = try await Connection.connect(to: TemporaryDatabase.make())
    let faulty = (name: "0002_b", sql: "create table b (x bigint); select nonsense")
    await #expect(throws: PostgresError.self) {
      try await Migrator([first, faulty]).migrate(connection)
    }
    #expect(try await Migrator([first, second]).migrate(connection) == ["0001_a", "0002_b"])
  }

  @Test("a database newer than the program is refused")
  func newer() async throws {
    let connection = try await Connection.connect(to: TemporaryDatabase.make())
    try await Migrator([first, second]).migrate(connection)
    let error = await #expect(throws: PostgresError.self) {
      try await Migrator([first]).migrate(connection)
    }
    #expect(error?.code == .incompatibleSchema)
    #expect(error?.message.contains("0002_b") == true)
  }

  @Test("a landed migration that has changed is refused")
  func changed() async throws {
    let connection = try await Connection.connect(to: TemporaryDatabase.make())
    try await Migrator([first]).migrate(connection)
    let error = await #expect(throws: PostgresError.self) {
      try await Migrator([(name: first.name, sql: first.sql + " ")]).migrate(connection)
    }
    #expect(error?.code == .incompatibleSchema)
  }
}
