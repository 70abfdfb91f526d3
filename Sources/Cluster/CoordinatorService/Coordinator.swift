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
  /// Whether workers of several instruction sets or library versions may work together.
  public var allowsMixed = false
  /// The workers that are started with it; nil where others start them.
  public var localWorkers: LocalWorkerLimits?

  /// How many workers there are, and what each may use.
  public struct LocalWorkerLimits: Sendable {
    public var count: Int
    /// In bytes.
    public var memory: Int
    public var threads: Int

    public init(count: Int, memory: Int, threads: Int) {
      self.count = count
      self.memory = memory
      self.threads = threads
    }
  }

  public init(allowsMixed: Bool = false, localWorkers: LocalWorkerLimits? = nil) {
    self.allowsMixed = allowsMixed
    self.localWorkers = localWorkers
  }
}

/// The one process that knows what is to be done: it gives jobs to workers, adds up what they
/// return, and writes everything durable.
///
/// It decides nothing about pruning: ``Pipeline`` says which jobs a sweep needs, the database says
/// which are done, and the coordinator carries the one to the other. So it may be killed at any
/// moment; the next one asks the same questions and gets the same answers.
///
/// Five tasks share the work. One listens and puts what workers say into the intake. One takes
/// portions of it, checks the results, flushes their artifacts, writes them down in one statement
/// and acknowledges them. One gives out jobs, as many in a statement as there are workers free. One
/// walks the pipeline where something may follow from what is new. One keeps time. Nothing is in
/// the database before its artifacts are on the disk, and nothing is acknowledged before it is in
/// the database.
public actor Coordinator {
  let link: CoordinatorLink
  let stores: Stores
  let configuration: CoordinatorConfiguration
  let logger: Logger
  /// For the reductions that are the coordinator's own, and for looking at results.
  let bench: Workbench
  let desk: ArtifactDesk
  var workers: [PeerID: WorkerSession] = [:]
  var sweeps: [String: ActiveSweep] = [:]
  var intake = Intake()
  var window = JobWindow()
  /// What the results of the workers here depend on in their last bits; nil while there are none.
  var identity: String?
  var isDraining = false
  /// Of this coordinator and no other, ever.
  let name = UUID().uuidString
  /// Gangs so far.
  var gangCount = 0
  private var heartbeatsAreDue = false
  /// There is something in the intake.
  let reports = Signal()
  /// There may be jobs for somebody.
  let vacancies = Signal()
  /// There may be a sweep to move on.
  let news = Signal()

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
    desk = ArtifactDesk(ArtifactServer(store: stores.artifacts), link: link, logger: logger)
    bench = Workbench(
      backend: backend, threads: 1, artifacts: stores.artifacts,
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
    // An earlier coordinator may have been killed before it flushed what workers had brought.
    try await desk.flushAll()
    try await resume()
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await self.serve() }
      group.addTask { try await self.keepTime() }
      group.addTask { try await self.keepSettling() }
      group.addTask { try await self.keepDispatching() }
      group.addTask { try await self.keepAdvancing() }
      // Whichever ends first ends the coordinator: the link by closing, the others by an error.
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
    // What they still hold goes back at once, for whoever comes next.
    for (peer, session) in workers {
      for job in session.held { send(.cancel(job), to: peer) }
      send(.drain, to: peer)
      _ = try? await stores.jobs.release(worker: session.hello.workerID)
    }
    // They say goodbye once they have ended what they were at, users' commands among it.
    let end = ContinuousClock.now + .seconds(2)
    repeat {
      try? await Task.sleep(for: .milliseconds(50))
    } while !workers.isEmpty && ContinuousClock.now < end
    link.close()
  }

  /// Gives out no more jobs.
  func stopGiving() { isDraining = true }

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
      if try await stores.jobs.rescueExpired() > 0 { jobsCameBack() }
      // The time of a job that waits for one may have come.
      if window.count == 0 { window.isStale = true }
      heartbeatsAreDue = true
      reports.raise()
      vacancies.raise()
      news.raise()
    }
  }

  private func keepSettling() async throws {
    for await _ in reports.raised {
      repeat {
        if heartbeatsAreDue {
          heartbeatsAreDue = false
          try await renew(intake.takeHeartbeats())
        }
        try await settle(intake.takeReports())
        vacancies.raise()
      } while intake.hasReports && !Task.isCancelled
    }
  }

  private func keepDispatching() async throws {
    for await _ in vacancies.raised { try await dispatch() }
  }

  // MARK: Workers

  private func receive(_ message: WorkerMessage, from peer: PeerID) async throws {
    switch message {
    case .fetch, .store: desk.serve(message, from: peer)
    case .hello(let hello): try await welcome(hello, at: peer)
    case .heartbeat(let jobs, let usage, let underway):
      intake.add(Intake.Heartbeat(jobs: jobs, usage: usage, underway: underway), from: peer)
    case .completed(let job, let summary, let artifacts, let enclosed):
      let output = JobOutput(summary: summary, artifacts: artifacts)
      intake.add(
        Intake.Report(
          peer: peer, job: job, ending: .completed(output, enclosed: enclosed)))
      reports.raise()
    case .failed(let job, let code, let message, let isRetryable):
      let failure = JobFailure(code: code, message: message)
      intake.add(
        Intake.Report(peer: peer, job: job, ending: .failed(failure, isRetryable: isRetryable)))
      reports.raise()
    case .goodbye:
      guard let session = workers.removeValue(forKey: peer) else { return }
      if try await stores.jobs.release(worker: session.hello.workerID) > 0 { jobsCameBack() }
      try await stores.workers.gone(session.hello.workerID)
    }
  }

  /// Returns the jobs of a worker process that is known to be dead.
  public func workerDied(_ workerID: String) async {
    workers = workers.filter { $0.value.hello.workerID != workerID }
    do {
      let count = try await stores.jobs.release(worker: workerID)
      try await stores.workers.gone(workerID)
      guard count > 0 else { return }
      logger.notice(
        "jobs of a dead worker go back",
        metadata: ["worker.id": "\(workerID)", "jobs": "\(count)"])
      jobsCameBack()
    } catch {
      logger.error(
        "cannot release jobs", metadata: ["worker.id": "\(workerID)", "error": "\(error)"])
    }
  }

  /// There may be jobs in the database that the window does not have.
  func jobsMayBeThere() {
    window.isStale = true
    vacancies.raise()
  }

  /// Workers lost jobs; one that killed too many of them was given up.
  func jobsCameBack() {
    for sweep in sweeps.values { sweep.mayHaveFailures = true }
    jobsMayBeThere()
    news.raise()
  }

  /// Tells workers that jobs they hold are no longer wanted.
  func recall(_ jobs: [(worker: String, reference: JobEngine.JobReference)]) {
    for (worker, reference) in jobs {
      for (peer, session) in workers where session.hello.workerID == worker {
        send(.cancel(reference.message), to: peer)
        session.drop(reference.message)
      }
    }
  }

  func send(_ message: CoordinatorMessage, to peer: PeerID) {
    do {
      try link.send(message, to: peer)
    } catch {
      logger.error("cannot send", metadata: ["error": "\(error)"])
    }
  }
}
