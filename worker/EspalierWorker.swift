import ArgumentParser
import Foundation
import LinearAlgebra
import Logging
import Messaging
import OneDNNBackend
import Processes
import UnixSignals
import WorkerService
import ZeroMQ

/// `espalier-worker`: leases a job, computes, reports.
@main
struct EspalierWorker: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "espalier-worker",
    abstract: "Compute jobs of a coordinator until told to stop.",
    discussion: """
      Dials the coordinator and waits for it, however long it takes. On SIGTERM or SIGINT it \
      finishes what it holds and leaves.
      """)

  @Option(help: "The coordinator: ipc:///path or tcp://host:port.")
  var coordinator: String

  @Option(help: "Name of the worker; unique in the cluster.")
  var name: String?

  @Option(help: "Compute threads.")
  var threads = 1

  @Option(help: "For pairs of tiles, and what is remembered between jobs, in MiB.")
  var memory = 1536

  @Option(help: "The state folder of a local cluster: tells its processes apart.")
  var state: String?

  @Flag(help: "Run the commands of sweeps with --recover-with, as this user.")
  var allowCommands = false

  @Flag(help: "Leave when standard input closes, as it does when the parent dies.")
  var exitWithParent = false

  func validate() throws {
    guard (1...1024).contains(threads) else {
      throw ValidationError("--threads \(threads): give 1…1024")
    }
    guard memory >= 64 else { throw ValidationError("--memory \(memory): give 64 MiB or more") }
  }

  func run() async throws {
    OpenBLAS.useKernelsOfProcessor()
    LoggingSystem.bootstrap { StreamLogHandler.standardError(label: $0) }
    ProcessMemory.shareAmongThreads()
    let identity = name ?? "\(ProcessInfo.processInfo.hostName)-\(getpid())"
    let link = try WorkerLink(to: Endpoint(coordinator), in: Context())
    let worker = Worker(
      link: link, backend: OneDNNBackend(),
      configuration: WorkerConfiguration(
        workerID: identity, threads: threads, cacheBytes: memory << 20,
        libraries: OpenBLAS.configuration, allowsCommands: allowCommands))
    if exitWithParent { watchParent() }
    let signals = await UnixSignalsSequence(trapping: [.sigterm, .sigint])
    let stopping = Task {
      for await _ in signals { await worker.drain() }
    }
    defer { stopping.cancel() }
    do {
      try await worker.run()
    } catch let error as WorkerError {
      FileHandle.standardError.write(Data("espalier-worker: \(error)\n".utf8))
      throw ExitCode(WorkerExit.refused)
    }
  }

  /// Ends the process when the other end of standard input is gone: no orphan computes for nobody.
  private func watchParent() {
    Thread.detachNewThread {
      while FileHandle.standardInput.availableData.count > 0 {}
      // At once: what would be tidied up is in use.
      _exit(0)
    }
  }
}
