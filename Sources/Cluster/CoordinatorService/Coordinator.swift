import Catalogue
import Digests
import Execution
import Foundation
import JobEngine
import Logging
import Messaging
import Pipeline
import Postgres
import ZeroMQ

/// How a coordinator behaves.
public struct CoordinatorConfiguration: Sendable {
  /// After this long without a word from its worker, a job is given to another.
  public var leaseDuration = Duration.seconds(20)
  /// How often workers say that they live.
  public var heartbeatInterval = Duration.seconds(2)
  /// How often expired leases and waiting jobs are looked at.
  public var tick = Duration.milliseconds(200)
  /// How long stopping waits for jobs that workers hold.
  public var patience = Duration.seconds(20)

  public init() {}
}

/// The one process that knows what is to be done: it gives jobs to workers, adds up what they
/// return, and writes everything durable.
///
/// It decides nothing about pruning: ``Pipeline`` says which jobs a sweep needs, the database says
/// which are done, and the coordinator carries the one to the other. So it may be killed at any
/// moment; the next one asks the same questions and gets the same answers.
public actor Coordinator {
  let link: CoordinatorLink
  let stores: Stores
  let configuration: CoordinatorConfiguration
  let logger: Logger
  /// For the reductions that are the coordinator's own.
  let bench: Workbench
  private let server: ArtifactServer
  private var workers: [PeerID: WorkerSession] = [:]
  var sweeps: [String: ActiveSweep] = [:]
  private var isDraining = false
  private var drained: [CheckedContinuation<Void, Never>] = []
  /// Set when no job was there to lease, until something may have changed that.
  private var isIdle = false

  /// - Parameter backend: Never runs a network here; reductions only sum.
  public init(
    link: CoordinatorLink, stores: Stores, backend: any Backend,
    configuration: CoordinatorConfiguration = CoordinatorConfiguration(),
    logger: Logger = Logger(label: "espalier.coordinator")
  ) {
    self.link = link
    self.stores = stores
    self.configuration = configuration
    self.logger = logger
    server = ArtifactServer(store: stores.artifacts)
    bench = Workbench(
      backend: backend, threads: 1, artifacts: StoredArtifacts(store: stores.artifacts),
      cacheBytes: 64 << 20)
  }

  /// Takes up unfinished sweeps and serves until ``drain()`` has run its course.
  ///
  /// - Throws: `PostgresError` when the database is lost for good: nothing is lost with it, and the
  ///   next coordinator goes on.
  public func run() async throws {
    // Whoever is there will say hello again.
    try await stores.workers.allGone()
    try? stores.artifacts.discardUploads(olderThan: .seconds(24 * 3600))
    try await resume()
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await self.serve() }
      group.addTask { try await self.keepTime() }
      // Whichever ends first ends the coordinator: the link by closing, the clock by an error.
      defer { group.cancelAll() }
      try await group.next()
    }
    link.close()
  }

  /// Gives out no more jobs, waits for those under way, sends the workers home and ends.
  public func drain() async {
    isDraining = true
    let deadline = ContinuousClock.now + configuration.patience
    while workers.values.contains(where: { !$0.held.isEmpty }), ContinuousClock.now < deadline {
      try? await Task.sleep(for: .milliseconds(50))
    }
    for peer in workers.keys { send(.drain, to: peer) }
    // What they hold goes back at once, for whoever comes next.
    for session in workers.values {
      _ = try? await stores.jobs.release(worker: session.hello.workerID)
    }
    try? await Task.sleep(for: .milliseconds(100))
    link.close()
  }

  /// Gives out no more jobs.
  func stopGiving() { isDraining = true }

  /// Returns the jobs of a worker process that is known to be dead.
  public func workerDied(_ workerID: String) async {
    workers = workers.filter { $0.value.hello.workerID != workerID }
    do {
      let count = try await stores.jobs.release(worker: workerID)
      try await stores.workers.gone(workerID)
      if count > 0 {
        logger.notice(
          "jobs of a dead worker go back",
          metadata: ["worker.id": "\(workerID)", "jobs": "\(count)"])
      }
      isIdle = false
      try await dispatch()
    } catch {
      logger.error(
        "cannot release jobs", metadata: ["worker.id": "\(workerID)", "error": "\(error)"])
    }
  }

  private func serve() async throws {
    for await event in link.events {
      switch event {
      case .worker(let peer, let message): try await receive(message, from: peer)
      case .control(let peer, let requestID, let request):
        let reply = await answer(request)
        try? link.reply(reply, to: peer, requestID: requestID)
        if case .drain(shutdown: true) = request { Task { await self.drain() } }
      case .unreachable(let peer):
        // The lease outlives a short break; a worker that is back says hello again.
        workers[peer] = nil
      }
    }
  }

  private func keepTime() async throws {
    while !Task.isCancelled {
      try await Task.sleep(for: configuration.tick)
      if try await stores.jobs.rescueExpired() > 0 { isIdle = false }
      for id in sweeps.keys { try await advance(id) }
      isIdle = false
      try await dispatch()
    }
  }

  // MARK: Workers

  private func receive(_ message: WorkerMessage, from peer: PeerID) async throws {
    switch message {
    case .fetch, .store:
      if let reply = server.reply(to: message) { send(reply, to: peer) }
    case .hello(let hello):
      workers[peer] = WorkerSession(hello: hello)
      try await stores.workers.connected(
        id: hello.workerID, processID: Int(hello.processID), host: hello.host,
        identity: try CanonicalJSON.encode(BackendIdentity(hello)), threads: hello.threads)
      logger.info("worker", metadata: ["worker.id": "\(hello.workerID)"])
      send(
        .welcome(
          heartbeatInterval: configuration.heartbeatInterval,
          leaseDuration: configuration.leaseDuration), to: peer)
      isIdle = false
      try await dispatch()
    case .heartbeat(let jobs): try await renew(jobs, of: peer)
    case .completed(let job, let summary, let artifacts):
      try await complete(job, summary: summary, artifacts: artifacts, from: peer)
    case .failed(let job, let code, let message, let retryable):
      try await fail(job, JobFailure(code: code, message: message), retryable, from: peer)
    case .goodbye:
      if let session = workers.removeValue(forKey: peer) {
        _ = try await stores.jobs.release(worker: session.hello.workerID)
        try await stores.workers.gone(session.hello.workerID)
      }
    }
  }

  private func renew(_ jobs: [WireReference], of peer: PeerID) async throws {
    guard let worker = workers[peer]?.hello.workerID else { return }
    let held = try await stores.jobs.extend(
      worker: worker, references: jobs.map(\.lease), duration: configuration.leaseDuration)
    try await stores.workers.seen([worker])
    let still = Set(held.map(\.message))
    for job in jobs where !still.contains(job) { send(.cancel(job), to: peer) }
    workers[peer]?.held.formUnion(still)
  }

  private func complete(
    _ job: WireReference, summary: Data, artifacts: [Digest], from peer: PeerID
  ) async throws {
    guard let worker = workers[peer]?.hello.workerID else { return }
    let accepted = try await stores.jobs.complete(
      job.lease, worker: worker,
      result: JobResult(summary: summary, artifacts: artifacts))
    try await settled(job, accepted: accepted, peer: peer)
  }

  private func fail(
    _ job: WireReference, _ failure: JobFailure, _ retryable: Bool, from peer: PeerID
  ) async throws {
    guard let worker = workers[peer]?.hello.workerID else { return }
    logger.notice(
      "job failed",
      metadata: [
        "job.id": "\(job.id)", "attempt": "\(job.attempt)", "worker.id": "\(worker)",
        "error": "\(failure.message)",
      ])
    let state = try await stores.jobs.fail(
      job.lease, worker: worker, failure: failure,
      verdict: retryable ? .retry(after: .seconds(1)) : .discard)
    try await settled(job, accepted: state != nil, peer: peer)
  }

  private func settled(_ job: WireReference, accepted: Bool, peer: PeerID) async throws {
    send(.acknowledged(job, accepted: accepted), to: peer)
    workers[peer]?.held.remove(job)
    for id in sweeps.keys { sweeps[id]?.outstanding -= 1 }
    // When a stage runs dry the next one starts at once; otherwise the clock looks after it.
    for (id, sweep) in sweeps where sweep.outstanding <= 0 { try await advance(id) }
    try await dispatch()
  }

  /// Gives jobs to workers that can take some, one each and then another, so that all are busy.
  private func dispatch() async throws {
    guard !isDraining, !isIdle else { return }
    let most = workers.values.map(\.hello.credits).max() ?? 0
    for level in 0..<most {
      for (peer, session) in workers
      where session.held.count <= level && session.hello.credits > level && !session.isLeasing {
        workers[peer]?.isLeasing = true
        let leased = try await stores.jobs.lease(
          worker: session.hello.workerID, limit: 1, duration: configuration.leaseDuration)
        workers[peer]?.isLeasing = false
        guard let job = leased.first else {
          isIdle = true
          return
        }
        let reference = job.reference.message
        workers[peer]?.held.insert(reference)
        send(
          .assign(
            reference, stage: job.specification.stage, label: job.specification.label,
            payload: job.specification.payload), to: peer)
      }
    }
  }

  func jobsMayBeThere() async throws {
    isIdle = false
    try await dispatch()
  }

  /// Tells workers that jobs they hold are no longer wanted.
  func recall(_ jobs: [(worker: String, reference: JobEngine.JobReference)]) {
    for (worker, reference) in jobs {
      for (peer, session) in workers where session.hello.workerID == worker {
        send(.cancel(reference.message), to: peer)
        workers[peer]?.held.remove(reference.message)
      }
    }
  }

  private func send(_ message: CoordinatorMessage, to peer: PeerID) {
    do {
      try link.send(message, to: peer)
    } catch {
      logger.error("cannot send", metadata: ["error": "\(error)"])
    }
  }

  var connectedWorkers: [WorkerSession] { Array(workers.values) }
}

/// A worker as the coordinator sees it.
struct WorkerSession: Sendable {
  let hello: WorkerHello
  var held: Set<WireReference> = []
  /// A lease for it is under way.
  var isLeasing = false
}

/// Artifacts for the coordinator's own reductions.
private struct StoredArtifacts: ArtifactAccess {
  let store: ArtifactStore

  func data(for digest: Digest) async throws -> Data { try store.data(for: digest) }
  func store(_ data: Data) async throws -> Digest { try store.put(data) }
}

/// An attempt as messages name it.
typealias WireReference = Messaging.JobReference

extension Messaging.JobReference {
  /// The same attempt, as the database names it.
  var lease: JobEngine.JobReference { .init(id: id, attempt: attempt) }
}

extension JobEngine.JobReference {
  /// The same attempt, as messages name it.
  var message: WireReference { .init(id: id, attempt: attempt) }
}

extension BackendIdentity {
  init(_ hello: WorkerHello) {
    self.init(
      name: hello.backend.name, version: hello.backend.version,
      instructionSet: hello.backend.instructionSet)
  }
}
