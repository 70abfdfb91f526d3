import Digests
import Foundation
import JobEngine
import Logging
import Messaging
import Pipeline

extension Coordinator {
  /// A report with what it is about.
  private struct Case: Sendable {
    var peer: PeerID
    var worker: String
    var job: WireReference
    var entry: JobWindow.Entry
    var output: JobOutput
    /// Contents of artifacts that came with it.
    var enclosed: [Data]

    var specification: JobSpecification { entry.job.specification }
  }

  /// Results refused one after the other that a worker is sent away for.
  private static let patienceWithWorker = 5

  /// Looks at results, writes down the good ones in one statement, and answers all reports.
  func settle(_ reports: [Intake.Report]) async throws {
    guard !reports.isEmpty else { return }
    let jobs = try await jobs(of: reports)
    var cases: [Case] = []
    for report in reports {
      // A worker that is not known introduces itself, and reports again.
      guard let session = workers[report.peer] else { continue }
      let worker = session.hello.workerID
      switch report.ending {
      case .failed(let failure, let isRetryable):
        try await fail(
          report, failure, isRetryable, by: worker, jobs[report.job.id]?.job.specification)
      case .completed(let output, let enclosed):
        guard let job = jobs[report.job.id] else {
          acknowledge(report.job, accepted: false, to: report.peer)
          continue
        }
        cases.append(
          Case(
            peer: report.peer, worker: worker, job: report.job, entry: job, output: output,
            enclosed: enclosed))
      }
    }
    let verdicts = await Self.verdicts(on: cases, by: bench, stores.artifacts)
    var sound: [Case] = []
    for one in cases {
      guard case .sound(let output)? = verdicts[one.job] else { continue }
      var one = one
      one.output = output
      sound.append(one)
    }
    sound = try await flushed(sound)
    try await record(sound)
    for one in cases {
      switch verdicts[one.job] {
      case .wrong(let fault): try await refuse(one, fault.message)
      case .unkept(let error): try await giveBack([one], because: error)
      case .sound, nil: break
      }
    }
    if sweeps.values.contains(where: \.isDue) { news.raise() }
  }

  /// The results whose artifacts are on the disk: all, or none where it does not take them.
  private func flushed(_ cases: [Case]) async throws -> [Case] {
    guard !cases.isEmpty else { return [] }
    do {
      try await desk.flush()
      return cases
    } catch {
      try await giveBack(cases, because: error)
      return []
    }
  }

  /// Results whose artifacts cannot be kept are no worker's fault: they bring them again.
  private func giveBack(_ cases: [Case], because error: any Error) async throws {
    let failure = JobFailure(code: "artifacts", message: "\(error)")
    logger.error("cannot keep artifacts", metadata: ["error": "\(error)"])
    for one in cases {
      let report = Intake.Report(
        peer: one.peer, job: one.job, ending: .failed(failure, isRetryable: true))
      try await fail(report, failure, true, by: one.worker, one.specification)
    }
  }

  /// What was asked for in the attempts that are reported.
  private func jobs(of reports: [Intake.Report]) async throws -> [Int64: JobWindow.Entry] {
    var jobs: [Int64: JobWindow.Entry] = [:]
    var unknown: [Int64] = []
    for report in reports {
      if let entry = workers[report.peer]?.entry(report.job) {
        jobs[report.job.id] = entry
      } else {
        unknown.append(report.job.id)
      }
    }
    // Given out by an earlier coordinator, or reported again.
    guard !unknown.isEmpty else { return jobs }
    for job in try await stores.jobs.find(unknown) { jobs[job.id] = JobWindow.Entry(job) }
    return jobs
  }

  /// What a result is worth.
  private enum Verdict: Sendable {
    /// In the one spelling.
    case sound(JobOutput)
    /// It is no result of its job.
    case wrong(PipelineError)
    /// What came with it cannot be kept.
    case unkept(any Error)
  }

  private typealias Verdicts = [WireReference: Verdict]

  /// Keeps what came with results, and looks at them; away from the actor, because of the files.
  private nonisolated static func verdicts(
    on cases: [Case], by bench: Workbench, _ artifacts: ArtifactStore
  ) async -> Verdicts {
    let lanes = 2
    return await withTaskGroup(of: Verdicts.self) { group in
      for lane in 0..<min(lanes, cases.count) {
        group.addTask {
          var verdicts: Verdicts = [:]
          for place in stride(from: lane, to: cases.count, by: lanes) {
            verdicts[cases[place].job] = await verdict(on: cases[place], by: bench, artifacts)
          }
          return verdicts
        }
      }
      return await group.reduce(into: [:]) { $0.merge($1) { first, _ in first } }
    }
  }

  private nonisolated static func verdict(
    on one: Case, by bench: Workbench, _ artifacts: ArtifactStore
  ) async -> Verdict {
    do {
      for content in one.enclosed { try artifacts.put(content, isFlushed: false) }
    } catch {
      return .unkept(error)
    }
    do {
      guard let request = one.entry.request else {
        throw PipelineError(.unknownJob, "this coordinator cannot read the job")
      }
      return .sound(try await request.validated(one.output, on: bench))
    } catch {
      return .wrong(error as? PipelineError ?? PipelineError(.wrongResult, "\(error)"))
    }
  }

  private func record(_ cases: [Case]) async throws {
    let recorded = try await stores.jobs.complete(
      cases.map { one in
        Completion(
          one.job.lease, by: one.worker,
          result: JobResult(summary: one.output.summary, artifacts: one.output.artifacts),
          identity: workers[one.peer]?.identity)
      })
    for one in cases {
      let isAccepted = recorded.contains(one.job.lease)
      if isAccepted {
        workers[one.peer]?.complete(one.job, weight: one.specification.weight)
        for sweep in sweeps.values { sweep.complete(one.specification.key) }
      }
      acknowledge(one.job, accepted: isAccepted, to: one.peer)
    }
  }

  /// A result that is none: the job is done again, by another worker if there is one.
  private func refuse(_ one: Case, _ fault: String) async throws {
    logger.warning(
      "refused a result",
      metadata: [
        "job.id": "\(one.job.id)", "label": "\(one.specification.label)",
        "worker.id": "\(one.worker)", "reason": "\(fault)",
      ])
    let state = try await stores.jobs.fail(
      one.job.lease, worker: one.worker,
      failure: JobFailure(
        code: PipelineError.Code.wrongResult.rawValue, message: "worker \(one.worker): \(fault)"),
      verdict: .retry(after: .zero))
    acknowledge(one.job, accepted: false, to: one.peer)
    guard let state, let session = workers[one.peer] else { return }
    session.refuse(one.job)
    if state == .discarded {
      giveUp(one.specification, PipelineError.Code.wrongResult.rawValue, fault)
    }
    // The last one stays until a job is given up: nobody would be there to end the sweep.
    if session.refusalsInARow >= Self.patienceWithWorker, workers.count > 1 || state == .discarded {
      try await sendAway(one.peer, session, because: fault)
    }
    jobsMayBeThere()
  }

  private func sendAway(
    _ peer: PeerID, _ session: WorkerSession, because fault: String
  ) async throws {
    let name = session.hello.workerID
    let reason = """
      \(session.refusalsInARow) results of worker \(name) one after the other were none, the last \
      because \(fault); check its memory, its disk and its version
      """
    logger.error("sent a worker away", metadata: ["worker.id": "\(name)", "reason": "\(reason)"])
    send(.refused(reason: reason), to: peer)
    workers[peer] = nil
    try await stores.jobs.release(worker: name)
    try await stores.workers.gone(name)
    jobsCameBack()
  }

  private func fail(
    _ report: Intake.Report, _ failure: JobFailure, _ isRetryable: Bool, by worker: String,
    _ job: JobSpecification?
  ) async throws {
    logger.notice(
      "job failed",
      metadata: [
        "job.id": "\(report.job.id)", "attempt": "\(report.job.attempt)", "worker.id": "\(worker)",
        "error": "\(failure.message)",
      ])
    let state = try await stores.jobs.fail(
      report.job.lease, worker: worker, failure: failure,
      verdict: isRetryable ? .retry(after: .seconds(1)) : .discard)
    acknowledge(report.job, accepted: state != nil, to: report.peer)
    workers[report.peer]?.drop(report.job)
    if state == .discarded, let job { giveUp(job, failure.code, failure.message) }
  }

  private func giveUp(_ job: JobSpecification, _ code: String, _ message: String) {
    let reason = JobFailureReason(code: code, message: "\(job.label): \(message)")
    for sweep in sweeps.values { sweep.fail(job.key, reason) }
  }

  private func acknowledge(_ job: WireReference, accepted: Bool, to peer: PeerID) {
    send(.acknowledged(job, accepted: accepted), to: peer)
    workers[peer]?.drop(job)
  }
}
