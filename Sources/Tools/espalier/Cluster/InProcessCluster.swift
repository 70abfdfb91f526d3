import CoordinatorService
import Foundation
import LinearAlgebra
import Messaging
import OneDNNBackend
import Postgres
import Processes
import WorkerService
import ZeroMQ

/// Coordinator and one worker in this process, over in-process links: the same code, no processes.
struct InProcessCluster {
  private let lock: StateLock
  private let coordinator: Coordinator
  private let tasks: [Task<Void, any Error>]
  let client: ControlClient

  init(
    _ stores: Stores, in folder: StateFolder, _ options: WorkerOptions, allowingCommands: Bool
  ) throws {
    lock = try StateLock(folder)
    ProcessMemory.shareAmongThreads()
    let context = try Context()
    let endpoint = try Endpoint.inproc(name: "coordinator")
    let backend = OneDNNBackend()
    let coordinator = Coordinator(
      link: try CoordinatorLink(listeningOn: [endpoint, try folder.endpoint()], in: context),
      stores: stores, backend: backend)
    let worker = Worker(
      link: try WorkerLink(to: endpoint, in: context), backend: backend,
      configuration: WorkerConfiguration(
        workerID: "in-process-\(getpid())", threads: options.threads,
        cacheBytes: options.memory << 20, libraries: OpenBLAS.configuration,
        allowsCommands: allowingCommands))
    self.coordinator = coordinator
    client = try ControlClient(to: endpoint, in: context)
    tasks = [
      Task { try await coordinator.run() },
      Task { try await worker.run() },
    ]
  }

  func stop() async {
    await coordinator.drain()
    for task in tasks { _ = await task.result }
    client.close()
    withExtendedLifetime(lock) {}
  }
}
