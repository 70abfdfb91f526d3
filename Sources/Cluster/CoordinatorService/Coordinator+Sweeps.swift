import Catalogue
import Digests
import Foundation
import JobEngine
import Logging
import Messaging
import ONNXFormat
import Pipeline
import Postgres
import Processes

extension Coordinator {
  /// Takes up the sweeps that an earlier coordinator left.
  func resume() async throws {
    for sweep in try await stores.sweeps.unfinished() {
      logger.notice("resuming", metadata: ["sweep.id": "\(sweep.id)", "name": "\(sweep.name)"])
      do {
        try start(sweep)
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
    let pipeline = try pipeline(definition)
    if let limits = configuration.localWorkers {
      try pipeline.checkScoreMemory(limits.memory, threads: limits.threads)
    }
    let known = try? await stores.sweeps.find(definition.name)
    var sweep = try await stores.sweeps.create(
      name: definition.name, definition: data,
      key: try known.flatMap { try key(of: $0, sameAs: definition) } ?? definition.key)
    if sweep.state == .completed, try await !stores.isWhole(sweep) {
      sweep = try await stores.sweeps.reopen(sweep.id)
    }
    if sweep.state == .running, sweeps[sweep.id] == nil { try start(sweep) }
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

  private func start(_ sweep: Sweep) throws {
    let definition = try CanonicalJSON.decode(SweepDefinition.self, from: sweep.definition)
    sweeps[sweep.id] = ActiveSweep(try pipeline(definition))
    news.raise()
  }

  /// Moves sweeps on where something is new.
  func keepAdvancing() async throws {
    for await _ in news.raised {
      for (id, sweep) in sweeps {
        if sweep.mayHaveFailures { try await learnFailures(sweep, id) }
        guard sweep.isDue, !sweep.isWaiting || sweep.rest <= .now else { continue }
        let start = ContinuousClock.now
        try await advance(id)
        // A quarter of the time at most, while workers have something to do.
        let spent = ContinuousClock.now - start
        sweep.rest = .now + spent * 3
        // That was about many jobs, which leave free memory in small pieces.
        if spent > .seconds(1) { ProcessMemory.giveBack() }
      }
    }
  }

  /// Moves a sweep on; what is wrong with one sweep ends that one, not the coordinator.
  private func advance(_ id: String) async throws {
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
    guard let sweep = sweeps[id] else { return }
    var goesOn = true
    while goesOn {
      sweep.isDue = false
      try await learn(sweep)
      let step = try await walk(sweep)
      // Meanwhile it may have been cancelled.
      guard sweeps[id] === sweep else { return }
      switch step {
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
        for job in reductions { try await reduce(job, sweep, id) }
        if reductions.isEmpty {
          sweep.forgetSpent()
          try await ask(jobs, sweep, id)
        }
        goesOn = !reductions.isEmpty || sweep.isDue && !sweep.isWaiting
      }
    }
  }

  /// A walk over many jobs takes its time: away from the actor.
  private func walk(_ sweep: ActiveSweep) async throws -> Pipeline.Step {
    let (pipeline, results, start) = (sweep.pipeline, sweep.results, sweep.walk)
    let (step, walk, work) = try await Self.advance(pipeline, results, from: start)
    (sweep.walk, sweep.foreseenWork) = (walk, work)
    return step
  }

  private nonisolated static func advance(
    _ pipeline: Pipeline, _ results: Results, from walk: Walk
  ) async throws -> (Pipeline.Step, Walk, [Stage: Double]) {
    var walk = walk
    let step = try pipeline.advance(results, from: &walk)
    return (step, walk, try pipeline.foreseenWork(walk))
  }

  /// Jobs in one statement, at most.
  private static let portion = 2000

  /// Reads the results that came since the last walk.
  private func learn(_ sweep: ActiveSweep) async throws {
    let arrived = sweep.takeArrived()
    var lost: [Digest] = []
    for start in stride(from: 0, to: arrived.count, by: Self.portion) {
      let keys = Array(arrived[start..<min(start + Self.portion, arrived.count)])
      let results = try await stores.jobs.results(keys: keys)
      // A result whose files are gone is none.
      let whole = await Self.whole(results, in: stores.artifacts)
      for key in keys {
        if whole.contains(key), let result = results[key] {
          sweep.know(JobOutput(summary: result.summary, artifacts: result.artifacts), of: key)
        } else {
          lost.append(key)
        }
      }
    }
    guard !lost.isEmpty else { return }
    logger.warning("artifacts are gone; computing again", metadata: ["jobs": "\(lost.count)"])
    sweep.lose(lost)
    try await stores.jobs.recompute(keys: lost)
    jobsMayBeThere()
  }

  private nonisolated static func whole(
    _ results: [Digest: JobResult], in store: ArtifactStore
  ) async -> Set<Digest> {
    Set(results.filter { $0.value.artifacts.allSatisfy(store.contains) }.keys)
  }

  /// A failure of an earlier try is none: the job goes on, or asking again has revived it.
  private func learnFailures(_ sweep: ActiveSweep, _ id: String) async throws {
    sweep.mayHaveFailures = false
    for failure in try await stores.jobs.failures(sweep: id) where failure.state == .discarded {
      sweep.fail(
        failure.key,
        JobFailureReason(
          code: failure.failure.code, message: "\(failure.label): \(failure.failure.message)"))
    }
  }

  /// Queues jobs that were not asked for yet.
  private func ask(_ jobs: [Job], _ sweep: ActiveSweep, _ id: String) async throws {
    let new = jobs.filter { !sweep.hasAsked(for: $0.key) }
    guard !new.isEmpty else { return }
    // Expected before they are there, so that none is done unnoticed.
    sweep.expect(new)
    for start in stride(from: 0, to: new.count, by: Self.portion) {
      let portion = new[start..<min(start + Self.portion, new.count)]
      let outcome = try await stores.jobs.enqueue(portion.map { JobSpecification($0) }, sweep: id)
      if outcome.reused > 0 {
        for key in try await stores.jobs.completed(keys: portion.map(\.key)) {
          sweep.complete(key)
        }
      }
      guard sweeps[id] === sweep else { return }
      // After 1, 2, 4, 8, … portions of many.
      let portions = start / Self.portion + 1
      if new.count > Self.portion, portions & (portions - 1) == 0 {
        try await stores.jobs.refreshStatistics()
      }
      window.hasSuccessors()
      vacancies.raise()
    }
    if let stage = new.last?.stage { try await stores.sweeps.setStage(stage.rawValue, sweep: id) }
  }

  /// Does a reduction here and records it like any job, so that it is not done again either.
  private func reduce(_ job: Job, _ sweep: ActiveSweep, _ id: String) async throws {
    if let known = try await stores.jobs.results(keys: [job.key])[job.key],
      known.artifacts.allSatisfy(stores.artifacts.contains)
    {
      // Recorded again, it belongs to this sweep too.
      try await stores.jobs.record(JobSpecification(job), result: known, sweep: id)
      sweep.know(JobOutput(summary: known.summary, artifacts: known.artifacts), of: job.key)
      return
    }
    do {
      let output = try await Job.run(payload: job.payload, on: bench)
      try await stores.jobs.record(
        JobSpecification(job),
        result: JobResult(summary: output.summary, artifacts: output.artifacts), sweep: id)
      sweep.know(output, of: job.key)
    } catch {
      logger.error("reduction failed", metadata: ["label": "\(job.label)", "error": "\(error)"])
      sweep.know(
        JobFailureReason(code: "reduction", message: "\(job.label): \(error)"), of: job.key)
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
