import ArgumentParser
import CoordinatorService
import Foundation
import LinearAlgebra
import Logging
import Messaging
import OneDNNBackend
import Postgres
import UnixSignals
import ZeroMQ

/// `espalier-coordinator`: owns the database and the sockets that workers dial.
@main
struct EspalierCoordinator: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "espalier-coordinator",
    abstract: "Give jobs to workers, add up what they return, and write it down.",
    discussion: """
      Serves the state folder until SIGTERM, SIGINT or `espalier down`; takes up what an earlier \
      coordinator left unfinished. Without a database URL it starts the folder's private \
      PostgreSQL.
      """)

  @Option(help: "Folder of the cluster: database, artifacts, logs.")
  var state: String?

  @Option(help: "PostgreSQL to use instead of the private one; also $ESPALIER_DATABASE.")
  var database: String?

  @Option(help: "Worker processes to keep running on this machine.")
  var workers = 0

  @Option(help: "Compute threads of each of them.")
  var threads = 1

  @Option(help: "What each of them may remember between jobs, in MiB.")
  var memory = 1536

  @Flag(help: "Let these workers run the commands of sweeps with --recover-with, as this user.")
  var allowCommands = false

  @Option(help: "A further endpoint for workers, such as tcp://0.0.0.0:5555; may be repeated.")
  var listen: [String] = []

  @Flag(help: "Let workers of different instruction sets or libraries work together.")
  var allowMixed = false

  func run() async throws {
    OpenBLAS.useKernelsOfProcessor()
    do {
      try await serve()
    } catch {
      FileHandle.standardError.write(Data("espalier-coordinator: \(error)\n".utf8))
      throw ExitCode(error is StateError || error is PostgresError || error is ZeroMQError ? 2 : 1)
    }
  }

  private func serve() async throws {
    LoggingSystem.bootstrap { StreamLogHandler.standardError(label: $0) }
    let folder = StateFolder(state)
    try folder.make()
    let lock = try StateLock(folder)
    defer { withExtendedLifetime(lock) {} }
    let stores = try await Stores.open(try await databaseURL(folder), in: folder)
    let own = try folder.endpoint()
    // A socket file that a killed coordinator left is replaced; the lock says it is nobody's.
    let link = try CoordinatorLink(
      listeningOn: [own] + listen.map { try Endpoint($0) }, in: Context())
    let coordinator = Coordinator(
      link: link, stores: stores, backend: OneDNNBackend(),
      configuration: CoordinatorConfiguration(
        allowsMixed: allowMixed,
        localWorkers: workers > 0
          ? .init(count: workers, memory: memory << 20, threads: threads) : nil))
    let local = LocalWorkers(
      executable: URL(filePath: "/proc/self/exe").resolvingSymlinksInPath()
        .deletingLastPathComponent().appending(path: "espalier-worker"),
      arguments: [
        "--coordinator", "\(own)", "--threads", "\(threads)", "--memory", "\(memory)", "--state",
        folder.path,
      ] + (allowCommands ? ["--allow-commands"] : []),
      log: folder.logs.appending(path: "workers.log")
    ) { name in Task { await coordinator.workerDied(name) } }
    try local.start(count: workers)
    defer { local.stop() }
    let signals = await UnixSignalsSequence(trapping: [.sigterm, .sigint])
    let stopping = Task {
      for await _ in signals { await coordinator.drain() }
    }
    defer { stopping.cancel() }
    try await coordinator.run()
  }

  private func databaseURL(_ folder: StateFolder) async throws -> PostgresURL {
    let text = database ?? ProcessInfo.processInfo.environment["ESPALIER_DATABASE"]
    if let text { return try PostgresURL(text) }
    return try await PrivateCluster(folder: folder.database).start()
  }
}
