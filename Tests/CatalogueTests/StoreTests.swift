import Foundation
import Migrations
import Postgres
import TestSupport
import Testing

@testable import Catalogue

@Suite("Catalogue in PostgreSQL", .tags(.system))
struct StoreTests {
  /// A database with the schema and two sweeps: `old` superseded by `new`, both called nightly.
  private func database() async throws -> Connection {
    let connection = try await Connection.connect(to: TemporaryDatabase.make())
    try await Migrator(Migrations.all).migrate(connection)
    let key = String(repeating: "c", count: 64)
    for (id, superseded) in [("old", true), ("new", false)] {
      try await connection.execute(
        """
        insert into sweeps (id, name, superseded, definition, key)
        values (\(id), 'nightly', \(superseded), '{}', \(key))
        """)
    }
    return connection
  }

  private func names(_ store: VariantStore, _ constraint: String) async throws -> [String] {
    let query = VariantQuery(
      constraint: try Constraint(parsing: constraint),
      order: try VariantQuery.Order(parsing: "device"))
    return try await store.list(query).map(\.device)
  }

  @Test("a variant is kept whole, and saving it again keeps its id")
  func roundTrip() async throws {
    let store = VariantStore(try await database())
    var original = variant("pixel-8", sweep: "new", macs: 60_000_000, accuracy: 0.9296)
    original.objective = -0.1
    original.bound = -0.09
    original.gap = 0.1
    original.budgets = ["macs": .init(limit: 61_000_000, used: 60_000_000)]
    original.strategy = "certified"
    original.recipe = Data(#"{"seed": 1}"#.utf8)
    original.id = try await store.save(original)
    original.sweep = "nightly"
    #expect(try await store.list() == [original])
    #expect(try await store.find(String(original.id.prefix(5))) == original)
    original.accuracy = 0.93
    #expect(try await store.save(original) == original.id)
    #expect(try await store.list() == [original])
    await #expect(throws: CatalogueError.self) { try await store.find("nothing") }
    await #expect(throws: CatalogueError.self) { try await store.find("") }
  }

  @Test("a variant that contradicts itself is refused by the database")
  func contradiction() async throws {
    let store = VariantStore(try await database())
    var wrong = variant("a", sweep: "new", macs: 1, accuracy: 1.5)
    await #expect(throws: PostgresError.self) { try await store.save(wrong) }
    wrong.accuracy = 0.5
    wrong.status = .infeasible
    await #expect(throws: PostgresError.self) { try await store.save(wrong) }
  }

  @Test("constraints mean in PostgreSQL what they say")
  func constraints() async throws {
    let store = VariantStore(try await database())
    try await store.save(variant("a", sweep: "new", macs: 60_000_000, accuracy: 0.9296))
    try await store.save(variant("b", sweep: "new", macs: 30_000_000, accuracy: 0.90))
    var none = variant("c", sweep: "new")
    none.deviceClass = "watch"
    none.status = .infeasible
    none.reason = "too small"
    none.gap = nil
    try await store.save(none)
    try await store.save(variant("d'; drop", sweep: "old", macs: 9, accuracy: 0.1))

    #expect(try await names(store, "macs <= 60M and accuracy >= 92.96%") == ["a"])
    #expect(try await names(store, "accuracy = 90%") == ["b"])
    #expect(try await names(store, "macs between 9 and 30M") == ["b", "d'; drop"])
    #expect(try await names(store, "macs < 9.5") == ["d'; drop"])
    #expect(try await names(store, "macs is null") == ["c"])
    #expect(try await names(store, "not macs is null and not device = 'a'") == ["b", "d'; drop"])
    #expect(try await names(store, "device.class in ('watch','car')") == ["c"])
    #expect(try await names(store, "device.class not in ('phone')") == ["c"])
    #expect(try await names(store, "device = 'd''; drop'") == ["d'; drop"])
    #expect(
      try await names(store, "device like '%drop' or reason like 'too%'") == ["c", "d'; drop"])
    #expect(try await names(store, "sweep = 'nightly'") == ["a", "b", "c"])
    #expect(try await names(store, "sweep = 'old'") == ["d'; drop"])
    #expect(try await names(store, "sweep <> 'nightly'") == ["d'; drop"])
    #expect(try await names(store, "sweep in ('old', 'nightly') and status <> 'failed'").count == 4)
    #expect(try await names(store, "model like 'res%' and model_bytes >= 1MB") == ["a", "b"])
    for field in Field.all {
      #expect(
        try await names(store, "\(field.name) is null or not \(field.name) is null").count == 4)
      let ordered = try await store.list(
        VariantQuery(order: VariantQuery.Order(field: field, isDescending: true)))
      #expect(ordered.count == 4)
    }
  }

  @Test("sweep, device, order, limit and front")
  func listing() async throws {
    let store = VariantStore(try await database())
    for (device, macs, accuracy) in [("a", 3, 0.9), ("b", 1, 0.8), ("c", 2, 0.7), ("d", 4, 0.95)] {
      try await store.save(variant(device, sweep: "new", macs: Int64(macs), accuracy: accuracy))
    }
    try await store.save(variant("a", sweep: "old", macs: 1, accuracy: 1))
    func devices(_ query: VariantQuery) async throws -> [String] {
      try await store.list(query).map(\.device)
    }
    let order = try VariantQuery.Order(parsing: "-macs")
    #expect(
      try await devices(VariantQuery(sweep: "nightly", order: order)) == ["d", "a", "c", "b"])
    #expect(try await devices(VariantQuery(sweep: "old")) == ["a"])
    #expect(try await devices(VariantQuery(device: "a")).count == 2)
    #expect(try await devices(VariantQuery(sweep: "new", order: order, limit: 2)) == ["d", "a"])
    let pareto = try VariantQuery.paretoFields(parsing: "accuracy,macs")
    #expect(
      try await devices(VariantQuery(sweep: "new", order: order, pareto: pareto))
        == ["d", "a", "b"])
    #expect(
      try await devices(VariantQuery(sweep: "new", order: order, limit: 1, pareto: pareto)) == ["d"]
    )
    await #expect(throws: CatalogueError.self) { try await devices(VariantQuery(sweep: "weekly")) }
  }

  @Test("scores are kept to the last bit, and found by their sweep")
  func scores() async throws {
    let connection = try await database()
    let store = ScoreStore(connection)
    let scores = Scores(
      key: String(repeating: "1", count: 64), modelDigest: String(repeating: "2", count: 64),
      dataDigest: String(repeating: "3", count: 64), taps: ["relu \"1\"", "é,{}"],
      tapKind: "batchnorm", estimator: "unbiased", samples: 1000,
      matrix: [1, 0.1 + 0.2, -.leastNonzeroMagnitude, 1e300], importance: [0.25, 1.75],
      digest: String(repeating: "4", count: 64), provenance: Data(#"{"tile": 250}"#.utf8))
    await #expect(throws: CatalogueError.self) { try await store.find(sweep: "nightly") }
    try await store.save(scores, sweep: "new")
    try await store.save(scores)
    #expect(try await store.find(sweep: "nightly") == scores)
    #expect(try await store.find(sweep: "new") == scores)
    #expect(try await store.find(key: scores.key) == scores)
    #expect(try await store.find(key: scores.digest) == nil)
    await #expect(throws: CatalogueError.self) { try await store.find(sweep: "weekly") }
    struct Printed: Decodable { var nhsic: [[Double]] }
    let printed = try JSONDecoder().decode(Printed.self, from: JSONEncoder().encode(scores))
    #expect(printed.nhsic.flatMap(\.self) == scores.matrix)
  }
}
