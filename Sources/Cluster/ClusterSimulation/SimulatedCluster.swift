import CoordinatorService
import Digests
import Foundation
import Importance
import JobEngine
import Logging
import Messaging
import OneDNNBackend
import Pipeline
import Postgres
import ZeroMQ

/// A coordinator as it is, with a real database and real messages, and workers that only say what
/// workers say: all in this process.
public final class SimulatedCluster: Sendable {
  public let stores: Stores
  public let sweep: SimulatedSweep
  public let client: ControlClient
  private let root: URL
  private let database: PostgresURL
  private let context: Context
  private let endpoint: Endpoint
  private let coordinator: Coordinator
  private let serving: Task<Void, any Error>

  /// - Parameters:
  ///   - tiles: Tiles of the calibration set: T (T + 1) / 2 pairs.
  ///   - workers: How many there may be.
  public init(
    tiles: Int, workers: Int, configuration: CoordinatorConfiguration = CoordinatorConfiguration()
  ) async throws {
    root = FileManager.default.temporaryDirectory.appending(
      path: "espalier-simulation-\(UUID().uuidString.prefix(8))")
    let folder = StateFolder(root.path)
    try folder.make()
    database = try await TemporaryDatabase.make()
    stores = try await Stores.open(database, in: folder)
    sweep = try SimulatedSweep(tiles: tiles) { [store = stores.artifacts] in try store.put($0) }
    var logger = Logger(label: "espalier.simulation")
    logger.logLevel = .error
    // Jobs that simulated workers never answer are not waited for.
    var configuration = configuration
    configuration.patience = .milliseconds(100)
    context = try Context(sockets: 2 * workers + 64)
    endpoint = try Endpoint.inproc(name: "coordinator")
    let coordinator = Coordinator(
      link: try CoordinatorLink(listeningOn: [endpoint], in: context), stores: stores,
      backend: OneDNNBackend(), configuration: configuration, logger: logger)
    self.coordinator = coordinator
    serving = Task { try await coordinator.run() }
    client = try ControlClient(to: endpoint, in: context)
  }

  /// A link for a worker.
  public func link() throws -> WorkerLink { try WorkerLink(to: endpoint, in: context) }

  /// A connection of its own: reading does not wait for the coordinator's statements.
  public func reader() async throws -> Stores {
    try await Stores.open(database, in: StateFolder(root.path))
  }

  /// Starts a worker on a link.
  ///
  /// - Parameter answer: What it says; nil for the truth.
  /// - Returns: Ends with the reason it was sent away for, or nil when its link is closed.
  public func start(
    _ name: String, on link: WorkerLink, account: SimulatedAccount,
    backend: WorkerHello.Backend = .init(name: "simulated", version: "1", instructionSet: "none"),
    answer: (@Sendable (Data) throws -> SimulatedWorker.Answer?)? = nil
  ) -> Task<String?, Never> {
    let worker = SimulatedWorker(
      link: link, name: name, backend: backend, account: account, answer: answer ?? truth)
    return Task { await worker.run() }
  }

  /// The right answer to the payload of a tile pair or of the kernel's measurement.
  public var truth: @Sendable (Data) throws -> SimulatedWorker.Answer? {
    { [tiles = sweep.tiles] payload in
      guard let statistics = try tiles.statistics(forPayload: payload) else {
        return SimulatedWorker.Answer(
          artifacts: [tiles.reference.encoded()], summary: tiles.kernelSummary)
      }
      return SimulatedWorker.Answer(artifacts: [statistics.encoded()])
    }
  }

  /// Submits the sweep.
  ///
  /// - Returns: Its id.
  public func submit() async throws -> String {
    let reply = try await client.request(
      .submit(try CanonicalJSON.encode(sweep.definition)), timeout: .seconds(60))
    guard case .ok(let data) = reply else {
      throw SimulationError(description: "the sweep was not taken: \(reply)")
    }
    return try CanonicalJSON.decode(SweepAnswer.self, from: data).id
  }

  /// The digest of the scores, once they are there.
  ///
  /// - Throws: ``SimulationError`` if the sweep ends without them.
  public func scores(of sweep: String, in stores: Stores) async throws -> Digest {
    while true {
      if let sum = try await stores.jobs.summary(sweep: sweep, label: "nHSIC") {
        return try CanonicalJSON.decode(ImportanceScores.self, from: sum).digest
      }
      try await check(sweep, in: stores)
      try await Task.sleep(for: .milliseconds(50))
    }
  }

  /// - Throws: ``SimulationError`` if the sweep has failed.
  public func check(_ sweep: String, in stores: Stores) async throws {
    let record = try await stores.sweeps.find(sweep)
    guard record.state == .running || record.state == .completed else {
      throw SimulationError(description: "the sweep is \(record.state): \(record.error ?? "")")
    }
  }

  /// The digest of the scores without a cluster.
  public func expectedScores() throws -> Digest { try sweep.expectedScores() }

  /// Ends everything and removes its files. Links are their owners' to close.
  public func stop() async {
    await coordinator.drain()
    _ = await serving.result
    client.close()
    try? FileManager.default.removeItem(at: root)
  }
}

/// A simulation that did not come to its end.
public struct SimulationError: Error, CustomStringConvertible {
  public let description: String

  public init(description: String) { self.description = description }
}
