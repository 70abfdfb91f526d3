import ArgumentParser
import Catalogue
import CoordinatorService
import Digests
import Foundation
import JobEngine
import Messaging
import Pipeline

/// `espalier submit`: a sweep for a running cluster.
struct SubmitCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "submit",
    abstract: "Hand a sweep to the running cluster and return at once; prints its id.")

  @OptionGroup var sweep: SweepOptions
  @OptionGroup var cluster: ClusterOptions

  func run() async throws {
    let local = LocalCluster(cluster)
    guard let process = StateLock.holder(of: local.folder) else {
      throw MessagingError(
        .unreachable,
        "no coordinator runs on \(local.folder.path): start it with `espalier up`, or use `espalier run`"
      )
    }
    try local.checkBuild(of: process)
    let store = try ArtifactStore(folder: local.folder.artifacts)
    let definition = try SweepPreparation(options: sweep).definition(in: store)
    let data = try await local.request(.submit(try CanonicalJSON.encode(definition)))
    print(try CanonicalJSON.decode(SweepAnswer.self, from: data).id)
  }
}

/// `espalier watch`: progress of a sweep until it ends.
struct WatchCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "watch",
    abstract: "Show the progress of a sweep until it ends, then its variants.")

  @Argument(help: "Name or id of the sweep.") var sweep: String
  @OptionGroup var cluster: ClusterOptions
  @Option(help: "How to print the variants: table or json.") var format = OutputFormat.table

  func run() async throws {
    let local = LocalCluster(cluster)
    let status = try await local.reading { stores in
      let record = try await stores.sweeps.find(sweep)
      if record.state == .running, StateLock.holder(of: local.folder) == nil {
        throw MessagingError(
          .unreachable,
          "sweep \(record.name) is unfinished and no coordinator runs: go on with `espalier up`")
      }
      let ended = try await Watching(stores: stores, folder: local.folder)
        .untilFinished(record.id)
      return try await Outcome(stores: stores, format: format).show(ended)
    }
    throw ExitCode(status.rawValue)
  }
}

/// `espalier cancel`: gives up a sweep; jobs that other sweeps need go on.
struct CancelCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "cancel",
    abstract: "Cancel a sweep. What it computed stays and is reused.")

  @Argument(help: "Name or id of the sweep.") var sweep: String
  @OptionGroup var cluster: ClusterOptions

  func run() async throws {
    let data = try await LocalCluster(cluster).request(.cancel(sweep: sweep))
    let answer = try CanonicalJSON.decode(SweepAnswer.self, from: data)
    note("sweep \(answer.id) is \(answer.state)")
  }
}

/// Waits for a sweep, showing its progress.
struct Watching {
  let stores: Stores
  let folder: StateFolder
  /// Brings the coordinator back; nil to wait for somebody else to do it.
  var revive: (@Sendable () async throws -> Void)?

  /// How long a sweep may be without a coordinator.
  private static let patience = Duration.seconds(60)

  /// - Returns: The sweep as it ended.
  /// - Throws: `CancellationError`.
  func untilFinished(_ id: String) async throws -> Sweep {
    var progress = Progress()
    defer { progress.finish() }
    var lastSeen = ContinuousClock.now
    let coordinator = CoordinatorWatch(folder: folder)
    while true {
      let sweep = try await stores.sweeps.find(id)
      if sweep.state != .running { return sweep }
      let stages = [StageProgress](try await stores.jobs.counts(sweep: id))
      let status = await coordinator.latest(asOf: stages.reduce(0) { $0 + $1.completed })
      progress.show(stages, work: status?.work[id], workers: status?.workers ?? [])
      if StateLock.holder(of: folder) != nil {
        lastSeen = .now
      } else if let revive, ContinuousClock.now - lastSeen > .seconds(3) {
        note("the coordinator is gone; starting another")
        try await revive()
      } else if ContinuousClock.now - lastSeen > Self.patience {
        throw MessagingError(
          .unreachable, "no coordinator runs on \(folder.path): go on with `espalier up`")
      }
      try await Task.sleep(for: .milliseconds(100))
    }
  }
}

/// Prints how a sweep ended, and says it in an exit code.
struct Outcome {
  let stores: Stores
  let format: OutputFormat

  func show(_ sweep: Sweep) async throws -> ExitStatus {
    switch sweep.state {
    case .failed:
      let failures = try await stores.jobs.failures(sweep: sweep.id)
      let isInput = failures.contains {
        $0.state == .discarded && $0.failure.code == PipelineError.Code.invalidInput.rawValue
      }
      throw FailedSweep(
        description: "sweep \(sweep.name) failed: \(sweep.error ?? "unknown")", isInput: isInput)
    case .cancelled:
      note("sweep \(sweep.name) was cancelled")
      return .failed
    case .running: return .interrupted
    case .completed: break
    }
    let definition = try CanonicalJSON.decode(SweepDefinition.self, from: sweep.definition)
    let scores = try await stores.scoresAnswer(of: sweep.id)
    for warning in scores.warnings { note(warning) }
    guard !definition.recipe.scoresOnly else {
      switch format {
      case .json: try printJSON(scores)
      case .table: print(scores.table)
      }
      return .done
    }
    let variants = try await stores.variants.list(VariantQuery(sweep: sweep.id))
    print(try format.rendering.render(variants), terminator: "")
    let isPartial = variants.contains { $0.status == .infeasible || $0.status == .failed }
    return isPartial ? .partial : .done
  }
}

extension OutputFormat {
  fileprivate var rendering: VariantRendering { self == .json ? .json : .table }
}
