import Postgres

/// The catalogue's variants in PostgreSQL.
public struct VariantStore: Sendable {
  let connection: Connection

  public init(_ connection: Connection) {
    self.connection = connection
  }

  /// Writes a variant; one of the same sweep and device is replaced and keeps its id.
  ///
  /// - Returns: The variant's id.
  /// - Throws: `PostgresError`, with a violated CHECK where the variant contradicts itself.
  @discardableResult
  public func save(_ variant: Variant) async throws -> String {
    try await connection.query(Self.upsert(variant)).only().value("id")
  }

  /// The variants that a query asks for.
  ///
  /// - Throws: ``CatalogueError`` `notFound` where the query names a sweep that does not exist.
  public func list(_ query: VariantQuery = VariantQuery()) async throws -> [Variant] {
    if let sweep = query.sweep { try await requireSweep(sweep) }
    let variants = try await connection.query(Self.select(query)).map { try Self.variant(of: $0) }
    guard !query.pareto.isEmpty else { return variants }
    let front = ParetoFront.of(variants, by: query.pareto)
    return query.limit.map { Array(front.prefix($0)) } ?? front
  }

  /// The variant whose id begins with `prefix`.
  ///
  /// - Throws: ``CatalogueError`` `notFound`, or `ambiguous` where several ids do.
  public func find(_ prefix: String) async throws -> Variant {
    let found = try await connection.query(Self.select(idPrefix: prefix)).map {
      try Self.variant(of: $0)
    }
    if let exact = found.first(where: { $0.id == prefix }) { return exact }
    guard let first = found.first else {
      throw CatalogueError(
        .notFound, "there is no variant '\(prefix)'; 'espalier variants' lists their ids")
    }
    guard found.count == 1 else {
      let ids = found.prefix(5).map(\.id).joined(separator: ", ")
      throw CatalogueError(.ambiguous, "'\(prefix)' begins several ids: \(ids); write more of it")
    }
    return first
  }

  private func requireSweep(_ sweep: String) async throws {
    guard try await connection.query(Self.sweeps(sweep)).isEmpty else { return }
    throw CatalogueError(
      .notFound, "there is no sweep '\(sweep)'; 'espalier sweeps' lists their names and ids")
  }
}
