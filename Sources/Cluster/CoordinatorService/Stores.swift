import Catalogue
import Digests
import JobEngine
import Messaging
import Migrations
import Pipeline
import Postgres

/// Everything durable, behind one connection: the coordinator's, or a reader's.
public struct Stores: Sendable {
  public let jobs: JobStore
  public let sweeps: SweepStore
  public let workers: WorkerStore
  public let variants: VariantStore
  public let scores: ScoreStore
  public let artifacts: ArtifactStore

  public init(connection: Connection, artifacts: ArtifactStore) {
    jobs = JobStore(connection)
    sweeps = SweepStore(connection)
    workers = WorkerStore(connection)
    variants = VariantStore(connection)
    scores = ScoreStore(connection)
    self.artifacts = artifacts
  }

  /// Connects, brings the schema up to date and opens the artifacts of a state folder.
  ///
  /// - Throws: `PostgresError` `unreachable`, `serverTooOld`, `incompatibleSchema`; `ArtifactError`.
  public static func open(_ url: PostgresURL, in folder: StateFolder) async throws -> Stores {
    let connection = try await Connection.connect(to: url)
    try await Migrator(Migrations.all).migrate(connection)
    return Stores(connection: connection, artifacts: try ArtifactStore(folder: folder.artifacts))
  }
}

extension Stores {
  /// Whether a completed sweep gave nothing up and all its networks are still there.
  public func isWhole(_ sweep: Sweep) async throws -> Bool {
    guard sweep.state == .completed, let report = sweep.report,
      try CanonicalJSON.decode(SweepOutcome.self, from: report).failed == 0
    else { return false }
    let variants = try await variants.list(VariantQuery(sweep: sweep.id))
    return variants.allSatisfy { variant in
      variant.digest.flatMap { Digest(hex: $0) }.map(artifacts.contains) ?? true
    }
  }
}
