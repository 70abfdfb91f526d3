import Digests
import Execution
import Foundation
import Logging
import Messaging
import Parallelism
import Pipeline
import Processes

/// How a worker works.
public struct WorkerConfiguration: Sendable {
  /// The same for the life of the process.
  public var workerID: String
  /// Compute threads.
  public var threads: Int
  /// How much may be remembered between jobs, in bytes.
  public var cacheBytes: Int
  /// Portions of jobs held at most at one time: one being computed, the others waiting here so that
  /// the next one starts without a round trip.
  public var credits: Int
  /// Libraries beside the backend's that results are computed with, such as `OpenBLAS 0.3.21`.
  public var libraries: String
  /// Whether commands that come with jobs are run.
  public var allowsCommands: Bool

  public init(
    workerID: String, threads: Int = 1, cacheBytes: Int = 1 << 30, credits: Int = 2,
    libraries: String = "", allowsCommands: Bool = false
  ) {
    self.workerID = workerID
    self.libraries = libraries
    self.threads = threads
    self.cacheBytes = cacheBytes
    self.credits = credits
    self.allowsCommands = allowsCommands
  }
}

/// A worker: says hello, computes the jobs it is given, one after another or some in one pass, and
/// reports.
///
/// It knows neither sweeps nor the database. Whatever happens to it, the coordinator notices that
/// its heartbeats stop and gives its jobs to another.
public actor Worker {
  private let configuration: WorkerConfiguration
  private let link: WorkerLink
  private let bench: Workbench
  private let parcel: Parcel
  private let logger: Logger
  private var held: [JobReference] = []
  /// Reports that the coordinator has not acknowledged: a message can be lost with a connection, so
  /// they are sent again with every heartbeat.
  private var reports: [JobReference: WorkerMessage] = [:]
  private var cancelled: Set<JobReference> = []
  /// Jobs that are computed now.
  private var underway: [JobReference] = []
  private var heartbeat: Task<Void, Never>?
  private var isDraining = false

  public init(
    link: WorkerLink, backend: any Backend, configuration: WorkerConfiguration,
    logger: Logger = Logger(label: "espalier.worker")
  ) {
    self.configuration = configuration
    self.link = link
    self.logger = logger
    parcel = Parcel(link: link)
    bench = Workbench(
      backend: backend, threads: configuration.threads, artifacts: parcel,
      cacheBytes: configuration.cacheBytes,
      commands: configuration.allowsCommands ? ShellCommands() : nil)
  }

  /// Works until the coordinator sends it away or ``drain()`` was called.
  ///
  /// - Throws: ``WorkerError`` with `refused` if the coordinator will not have this worker.
  public func run() async throws {
    let (portions, continuation) = AsyncStream<Portion>.makeStream()
    try link.send(.hello(hello))
    let labour = Task {
      for await portion in portions { await self.perform(portion) }
    }
    defer { heartbeat?.cancel() }
    try await withTaskCancellationHandler {
      for await message in link.messages {
        switch message {
        case .welcome(let interval, _): startHeartbeat(every: interval)
        case .refused(let reason): throw WorkerError(.refused, reason)
        case .assign(let jobs, let gang, let lentThreads):
          held += jobs.map(\.job)
          continuation.yield(Portion(jobs: jobs, gang: gang, lentThreads: lentThreads))
        case .acknowledged(let job, _): settle(job)
        case .cancel(let job): cancel(job)
        case .drain: drain()
        default: break
        }
      }
    } onCancel: {
      continuation.finish()
      labour.cancel()
      link.close()
    }
    continuation.finish()
    await labour.value
  }

  /// Finishes what is held and leaves.
  public func drain() {
    isDraining = true
    leaveIfDone()
  }

  private var hello: WorkerHello {
    let identity = bench.backend.identity
    return WorkerHello(
      workerID: configuration.workerID, processID: ProcessInfo.processInfo.processIdentifier,
      host: ProcessInfo.processInfo.hostName,
      backend: .init(
        name: identity.name,
        version: [identity.version, configuration.libraries].filter { !$0.isEmpty }
          .joined(separator: " with "),
        instructionSet: identity.instructionSet),
      threads: configuration.threads, credits: configuration.credits,
      // Who lays features out in another order has no part in a pass.
      neighbourhood: Self.neighbourhood.map { "\($0)/\(bench.backend.channelOrder)" } ?? "",
      memory: configuration.cacheBytes)
  }

  /// Where memory is shared, and by which build: what lies there is for its own eyes.
  private static let neighbourhood: String? = {
    var program = stat()
    guard let memory = SharedRing.neighbourhood, stat("/proc/self/exe", &program) == 0 else {
      return nil
    }
    return "\(memory)/\(program.st_size)/\(program.st_mtim.tv_sec).\(program.st_mtim.tv_nsec)"
  }()

  private var usage: WorkerUsage {
    WorkerUsage(memory: ProcessMemory.resident, images: bench.progress.images)
  }

  private func startHeartbeat(every interval: Duration) {
    heartbeat?.cancel()
    heartbeat = Task {
      while !Task.isCancelled {
        let underway = JobsUnderway(self.underway, share: self.bench.progress.share)
        try? self.link.send(.heartbeat(self.held, self.usage, underway: underway))
        for report in self.reports.values { try? self.link.send(report) }
        try? await Task.sleep(for: interval)
      }
    }
  }

  private func perform(_ portion: Portion) async {
    defer { underway = [] }
    bench.borrow(threads: portion.lentThreads)
    if portion.lentThreads > 0 {
      logger.info("threads of neighbours", metadata: ["count": "\(portion.lentThreads)"])
    }
    var waiting: [Waiting] = []
    for assignment in portion.jobs {
      logger.debug(
        "job", metadata: ["job.id": "\(assignment.job.id)", "label": "\(assignment.label)"])
      do {
        waiting.append(
          Waiting(job: assignment.job, request: try JobRequest(payload: assignment.payload)))
      } catch {
        report(assignment.job, error)
      }
    }
    if let gang = portion.gang.flatMap({ try? Gang($0) }),
      gang.portions[gang.place].count == waiting.count
    {
      await perform(&waiting, with: gang)
    }
    while true {
      for job in waiting.map(\.job) where cancelled.remove(job) != nil { settle(job) }
      waiting.removeAll { !held.contains($0.job) }
      guard !waiting.isEmpty else { return }
      let places = await JobRequest.next(of: waiting.map(\.request), on: bench)
      guard isWanted(places.map { waiting[$0].job }) else { continue }
      begin(places.map { waiting[$0].job })
      let results = await JobRequest.run(places.map { waiting[$0].request }, on: bench)
      for (place, result) in zip(places, results) { report(waiting[place].job, result) }
      underway = []
      for place in places.reversed() { waiting.remove(at: place) }
    }
  }

  private func isWanted(_ jobs: [JobReference]) -> Bool {
    jobs.contains { held.contains($0) && !cancelled.contains($0) }
  }

  /// Jobs are about to be computed.
  private func begin(_ jobs: [JobReference]) {
    underway = jobs
    bench.progress.begin()
    // Whatever is in the parcel afterwards is of these jobs.
    parcel.empty()
  }

  /// Does what can be done with others; what is left is to be done alone.
  private func perform(_ waiting: inout [Waiting], with gang: Gang) async {
    do {
      for places in await JobRequest.passes(of: gang, on: bench) {
        // The others do not wait long for who does not come.
        let jobs = waiting.prefix(places.count).map(\.job)
        guard isWanted(jobs) else { return }
        logger.info(
          "a pass with others",
          metadata: ["gang": "\(gang.name)", "members": "\(gang.portions.count)"])
        begin(jobs)
        let results = try await JobRequest.run(gang, places, on: bench)
        for (waiting, result) in zip(waiting, results) { report(waiting.job, result) }
        waiting.removeFirst(results.count)
      }
    } catch is CancellationError {
      // The others may still be wanted: they go on without this one, as if it had died.
      logger.info("leaves a pass", metadata: ["gang": "\(gang.name)"])
    } catch {
      logger.info("goes on alone", metadata: ["gang": "\(gang.name)", "reason": "\(error)"])
    }
  }

  private func report(_ job: JobReference, _ result: Result<JobOutput, any Error>) {
    switch result {
    case .success(let output): report(job, output)
    case .failure(let error): report(job, error)
    }
  }

  private func report(_ job: JobReference, _ output: JobOutput) {
    report(
      job,
      .completed(
        job, summary: output.summary, artifacts: output.artifacts,
        enclosed: parcel.take(output.artifacts)))
  }

  private func report(_ job: JobReference, _ error: any Error) {
    let fault = JobFault(error)
    logger.debug("job failed", metadata: ["job.id": "\(job.id)", "error": "\(fault.message)"])
    report(
      job, .failed(job, code: fault.code, message: fault.message, retryable: fault.isRetryable))
  }

  private func report(_ job: JobReference, _ message: WorkerMessage) {
    if cancelled.remove(job) != nil { return settle(job) }
    reports[job] = message
    try? link.send(message)
  }

  private func cancel(_ job: JobReference) {
    // What is over already, or reported, is not waited for.
    guard held.contains(job) else { return }
    if reports[job] != nil { return settle(job) }
    cancelled.insert(job)
    // What is computed for nobody else ends at its next checkpoint.
    if underway.contains(job), underway.allSatisfy(cancelled.contains) { bench.progress.abandon() }
  }

  /// The job is over, for this worker.
  private func settle(_ job: JobReference) {
    reports[job] = nil
    held.removeAll { $0 == job }
    leaveIfDone()
  }

  private func leaveIfDone() {
    guard isDraining, held.isEmpty else { return }
    try? link.send(.goodbye)
    link.close()
  }
}

/// Jobs that came together.
private struct Portion {
  var jobs: [JobAssignment]
  var gang: GangAssignment?
  var lentThreads: Int
}

/// A job that is yet to be done.
private struct Waiting {
  var job: JobReference
  var request: JobRequest
}

extension Gang {
  fileprivate init(_ assignment: GangAssignment) throws {
    self.init(
      name: assignment.name, place: assignment.place,
      portions: try assignment.portions.map { try $0.map(JobRequest.init) },
      memory: assignment.memory, threads: assignment.threads)
  }
}

/// A worker that cannot work.
public struct WorkerError: Error, Sendable, CustomStringConvertible {
  public enum Code: Sendable { case refused }

  public let code: Code
  public let message: String

  init(_ code: Code, _ message: String) {
    self.code = code
    self.message = message
  }

  public var description: String { message }
}
