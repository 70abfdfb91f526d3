import ArgumentParser
import Catalogue
import CoordinatorService
import Digests
import Foundation
import JobEngine
import Messaging
import Pipeline
import Postgres
import Processes
import UnixSignals

/// `espalier run`: the whole job.
struct RunCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "run",
    abstract: "Prune a network for a catalogue of devices, starting whatever is not running.",
    discussion: """
      What was computed before, by this or any other sweep, is not computed again: run the same \
      command every night and only what changed in model, data, recipe or devices costs time. \
      Interrupted with Ctrl-C, or killed, the same command goes on where it was.
      """)

  @OptionGroup var options: SweepOptions
  @OptionGroup var sweep: SweepRun

  func run() async throws {
    try await sweep.run { SweepPreparation(options: options, workers: $0) }
  }
}

/// `espalier score`: the first part of the job alone.
struct ScoreCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "score",
    abstract: "Score the layers of a network, and do nothing else.",
    discussion: """
      Computes the nHSIC matrix and the importances that `espalier run` begins with, on the same \
      cluster and with the same jobs: a later `run` on the same images uses them. \
      `espalier scores` shows what came out.
      """)

  @OptionGroup var scoring: ScoreOptions
  @OptionGroup var sweep: SweepRun

  func run() async throws {
    try await sweep.run { SweepPreparation(scoring: scoring, workers: $0) }
  }
}

/// A sweep from its files to its results, with whatever is not running started and stopped again.
struct SweepRun: ParsableArguments {
  @OptionGroup var workers: WorkerOptions
  @OptionGroup var cluster: ClusterOptions

  @Option(help: "How to print what comes out: table or json.")
  var format = OutputFormat.table

  @Flag(help: "Leave what this command started running.")
  var keepRunning = false

  /// - Parameter prepare: Takes the workers that this command would start.
  func run(_ prepare: @escaping @Sendable (WorkerOptions) -> SweepPreparation) async throws {
    let status = try await interruptible {
      let local = LocalCluster(cluster)
      try local.folder.make()
      // Whatever is wrong with the input shows before anything is started.
      let store = try ArtifactStore(folder: local.folder.artifacts)
      var preparation = prepare(workers)
      if StateLock.holder(of: local.folder) != nil { preparation.workers = nil }
      let definition = try preparation.definition(in: store)
      let database = try await local.startDatabase()
      return try await finishing(
        { try await perform(definition, on: local, database.url) },
        cleanUp: {
          if database.started, !keepRunning { try? await local.stopDatabaseIfUnused() }
        })
    }
    throw ExitCode(status.rawValue)
  }

  /// Runs `body` so that Ctrl-C cancels it and what it started is stopped; a second one ends it.
  private func interruptible(
    _ body: @escaping @Sendable () async throws -> ExitStatus
  ) async throws -> ExitStatus {
    let task = Task(operation: body)
    let signals = await UnixSignalsSequence(trapping: [.sigint, .sigterm])
    let interrupting = Task {
      for await _ in signals {
        guard !task.isCancelled else { Foundation.exit(ExitStatus.interrupted.rawValue) }
        task.cancel()
      }
    }
    defer { interrupting.cancel() }
    do {
      return try await task.value
    } catch is CancellationError {
      note("interrupted; the same command goes on where this one stopped")
      return .interrupted
    }
  }

  private func perform(
    _ definition: SweepDefinition, on local: LocalCluster, _ url: PostgresURL
  ) async throws -> ExitStatus {
    let stores = try await Stores.open(url, in: local.folder)
    if let known = try? await stores.sweeps.find(definition.name),
      known.key == (try definition.key), try await stores.isWhole(known)
    {
      note("everything is there already: sweep \(known.name) (\(known.id))")
      return try await Outcome(stores: stores, format: format).show(known)
    }
    let commands = definition.recipe.recoverWith != nil
    if workers.workers == 0, StateLock.holder(of: local.folder) == nil {
      let inside = try InProcessCluster(
        stores, in: local.folder, workers, allowingCommands: commands)
      let watching = Watching(stores: stores, folder: local.folder)
      return try await finishing(
        {
          try await follow(definition, watching) {
            try await inside.client.request($0, timeout: .seconds(60))
          }
        },
        cleanUp: { await inside.stop() })
    }
    let coordinator = try await local.startCoordinator(workers, allowingCommands: commands)
    let watching = Watching(stores: stores, folder: local.folder) { [workers] in
      try await local.startCoordinator(workers, allowingCommands: commands)
    }
    return try await finishing(
      { try await follow(definition, watching) { .ok(try await local.request($0)) } },
      cleanUp: { await stop(coordinator, of: local, after: definition, stores) })
  }

  /// Stops the coordinator if this command started it and no other sweep has come to rely on it.
  private func stop(
    _ coordinator: ChildProcess?, of local: LocalCluster, after definition: SweepDefinition,
    _ stores: Stores
  ) async {
    guard let coordinator, !keepRunning,
      StateLock.holder(of: local.folder) == coordinator.processID
    else { return }
    let unfinished = (try? await stores.sweeps.unfinished()) ?? []
    if unfinished.allSatisfy({ $0.name == definition.name }) { try? await local.stopCoordinator() }
  }

  /// Submits and watches; prints the variants.
  private func follow(
    _ definition: SweepDefinition, _ watching: Watching,
    ask: (ControlRequest) async throws -> ControlReply
  ) async throws -> ExitStatus {
    let answer = try await ask(.submit(try CanonicalJSON.encode(definition)))
    guard case .ok(let data) = answer else {
      if case .failed(_, let message) = answer { throw InputError(message) }
      throw FailedSweep(description: "the coordinator gave no answer")
    }
    let id = try CanonicalJSON.decode(SweepAnswer.self, from: data).id
    let sweep = try await watching.untilFinished(id)
    try await watching.stores.noteReuse(of: sweep)
    return try await Outcome(stores: watching.stores, format: format).show(sweep)
  }

  /// Runs `cleanUp` after `body`, however that ends. An interrupt cancels `body` alone: cleaning up
  /// waits and asks too, in a task of its own.
  private func finishing<Value>(
    _ body: () async throws -> Value, cleanUp: @escaping @Sendable () async -> Void
  ) async throws -> Value {
    do {
      let value = try await body()
      await Task(operation: cleanUp).value
      return value
    } catch {
      await Task(operation: cleanUp).value
      throw error
    }
  }
}

/// A remark on standard error.
func note(_ text: String) { FileHandle.standardError.write(Data("espalier: \(text)\n".utf8)) }
