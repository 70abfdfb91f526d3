import Catalogue
import Digests
import Foundation
import JobEngine
import Logging
import Messaging
import ONNXFormat
import Pipeline
import Postgres

/// A sweep under way.
struct ActiveSweep: Sendable {
  let pipeline: Pipeline
  var results = Results()
  /// How far the pipeline came with them.
  var walk = Walk()
  /// Keys of jobs that were asked for.
  var asked: Set<Digest> = []
  /// Jobs asked for and not known to be settled, at most.
  var outstanding = 0
  /// ``Coordinator/advance(_:)`` is at work on it.
  var isAdvancing = false
}

extension Coordinator {
  /// Takes up the sweeps that an earlier coordinator left.
  func resume() async throws {
    for sweep in try await stores.sweeps.unfinished() {
      logger.notice("resuming", metadata: ["sweep.id": "\(sweep.id)", "name": "\(sweep.name)"])
      do {
        try await start(sweep)
      } catch let error as PostgresError {
        throw error
      } catch {
        try await stores.sweeps.fail(sweep.id, error: "\(error)")
      }
    }
  }

  /// Accepts a sweep, or finds the one that was asked for before.
  func submit(_ data: Data) async throws -> Sweep {
    let definition = try CanonicalJSON.decode(SweepDefinition.self, from: data)
    // Everything that can be wrong with it is found before it is written down.
    _ = try pipeline(definition)
    let known = try? await stores.sweeps.find(definition.name)
    var sweep = try await stores.sweeps.create(
      name: definition.name, definition: data,
      key: try known.flatMap { try key(of: $0, sameAs: definition) } ?? definition.key)
    if sweep.state == .completed, try await !stores.isWhole(sweep) {
      sweep = try await stores.sweeps.reopen(sweep.id)
    }
    if sweep.state == .running, sweeps[sweep.id] == nil { try await start(sweep) }
    return sweep
  }

  /// The key of a known sweep, where a definition asks for the same in this version's words.
  ///
  /// - Throws: ``PipelineError`` with `invalidInput`, naming what has changed, where it asks for
  ///   something else while the sweep of its name is unfinished.
  private func key(
    of known: Sweep, sameAs definition: SweepDefinition
  ) throws -> Digest? {
    let other = try CanonicalJSON.decode(SweepDefinition.self, from: known.definition)
    let differences = definition.differences(from: other)
    if differences.isEmpty { return known.key }
    guard known.state == .running, known.name == definition.name else { return nil }
    throw PipelineError(
      .invalidInput,
      """
      the sweep '\(known.name)' (\(known.id)) is unfinished, and has been given other input since: \
      \(differences.joined(separator: ", ")); restore it, cancel the sweep \
      (`espalier cancel \(known.id)`), or choose another --name
      """)
  }

  /// Gives up a sweep; jobs that other sweeps need go on.
  func cancel(_ nameOrID: String) async throws -> Sweep {
    let sweep = try await stores.sweeps.find(nameOrID)
    guard sweep.state == .running else { return sweep }
    sweeps[sweep.id] = nil
    try await stores.sweeps.cancel(sweep.id)
    recall(try await stores.jobs.cancel(sweep: sweep.id))
    return try await stores.sweeps.find(sweep.id)
  }

  private func pipeline(_ definition: SweepDefinition) throws -> Pipeline {
    let data = try stores.artifacts.data(for: definition.model.digest)
    return try Pipeline(
      definition, network: try ONNXModel.decode(data, name: definition.model.name))
  }

  private func start(_ sweep: Sweep) async throws {
    let definition = try CanonicalJSON.decode(SweepDefinition.self, from: sweep.definition)
    sweeps[sweep.id] = ActiveSweep(pipeline: try pipeline(definition))
    try await advance(sweep.id)
  }

  /// Moves a sweep on; what is wrong with one sweep ends that one, not the coordinator.
  func advance(_ id: String) async throws {
    do {
      try await proceed(id)
    } catch let error as PostgresError {
      throw error
    } catch {
      logger.error("sweep failed", metadata: ["sweep.id": "\(id)", "error": "\(error)"])
      sweeps[id] = nil
      try await stores.sweeps.fail(id, error: "\(error)")
    }
  }

  /// Asks the pipeline what is missing and sees to it, until only workers can help.
  private func proceed(_ id: String) async throws {
    guard var sweep = sweeps[id], !sweep.isAdvancing else { return }
    sweeps[id]?.isAdvancing = true
    defer { sweeps[id]?.isAdvancing = false }
    try await learn(&sweep, id)
    while true {
      switch try sweep.pipeline.advance(sweep.results, from: &sweep.walk) {
      case .finished(let report):
        try await finish(id, sweep.pipeline.definition, report)
        sweeps[id] = nil
        return
      case .failed(let reason):
        try await stores.sweeps.fail(id, error: reason.message)
        sweeps[id] = nil
        return
      case .needs(let jobs):
        let reductions = jobs.filter(\.isReduction)
        guard reductions.isEmpty else {
          for job in reductions { try await reduce(job, &sweep, id) }
          continue
        }
        let reused = try await ask(jobs, &sweep, id)
        guard reused else {
          sweep.outstanding = jobs.count
          sweep.isAdvancing = true
          if sweeps[id] != nil { sweeps[id] = sweep }
          try await jobsMayBeThere()
          return
        }
        try await learn(&sweep, id)
      }
    }
  }

  /// Reads what became of the jobs asked for.
  private func learn(_ sweep: inout ActiveSweep, _ id: String) async throws {
    let open = sweep.asked.filter {
      sweep.results.outputs[$0] == nil && sweep.results.failures[$0] == nil
    }
    guard !open.isEmpty else { return }
    var lost: [Digest] = []
    for (key, result) in try await stores.jobs.results(keys: Array(open)) {
      if result.artifacts.allSatisfy(stores.artifacts.contains) {
        sweep.results.outputs[key] = JobOutput(
          summary: result.summary, artifacts: result.artifacts)
      } else {
        lost.append(key)
      }
    }
    // A result whose files are gone is none.
    if !lost.isEmpty {
      logger.warning("artifacts are gone; computing again", metadata: ["jobs": "\(lost.count)"])
      try await stores.jobs.recompute(keys: lost)
    }
    // A failure of an earlier try is none: the job goes on, or asking again has revived it.
    for failure in try await stores.jobs.failures(sweep: id)
    where failure.state == .discarded && sweep.asked.contains(failure.key) {
      sweep.results.failures[failure.key] = JobFailureReason(
        code: failure.failure.code, message: "\(failure.label): \(failure.failure.message)")
    }
  }

  /// Queues jobs that were not asked for yet.
  ///
  /// - Returns: Whether some of them turned out to be done already.
  private func ask(_ jobs: [Job], _ sweep: inout ActiveSweep, _ id: String) async throws -> Bool {
    let new = jobs.filter { !sweep.asked.contains($0.key) }
    guard !new.isEmpty else { return false }
    let outcome = try await stores.jobs.enqueue(new.map { JobSpecification($0) }, sweep: id)
    sweep.asked.formUnion(new.map(\.key))
    if let stage = new.last?.stage { try await stores.sweeps.setStage(stage.rawValue, sweep: id) }
    return outcome.reused > 0
  }

  /// Does a reduction here and records it like any job, so that it is not done again either.
  private func reduce(_ job: Job, _ sweep: inout ActiveSweep, _ id: String) async throws {
    if let known = try await stores.jobs.results(keys: [job.key])[job.key],
      known.artifacts.allSatisfy(stores.artifacts.contains)
    {
      // Recorded again, it belongs to this sweep too.
      try await stores.jobs.record(JobSpecification(job), result: known, sweep: id)
      sweep.results.outputs[job.key] = JobOutput(
        summary: known.summary, artifacts: known.artifacts)
      return
    }
    do {
      let output = try await Job.run(payload: job.payload, on: bench)
      try await stores.jobs.record(
        JobSpecification(job),
        result: JobResult(summary: output.summary, artifacts: output.artifacts), sweep: id)
      sweep.results.outputs[job.key] = output
    } catch {
      logger.error("reduction failed", metadata: ["label": "\(job.label)", "error": "\(error)"])
      sweep.results.failures[job.key] = JobFailureReason(
        code: "reduction", message: "\(job.label): \(error)")
    }
  }
}

extension JobSpecification {
  init(_ job: Job) {
    self.init(
      key: job.key, stage: job.stage.rawValue, label: job.label, payload: job.payload,
      weight: job.weight)
  }
}
