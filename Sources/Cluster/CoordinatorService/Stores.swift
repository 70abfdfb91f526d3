import Catalogue
import Digests
import JobEngine
import Messaging
import Migrations
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
