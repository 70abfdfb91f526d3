import Digests
import Pipeline
import TestSupport
import Testing

/// What came of a sweep that was driven to its end.
struct Ending {
  let step: Pipeline.Step
  let results: Results
  /// In the order they were done.
  let jobs: [Job]

  var report: SweepReport {
    get throws {
      guard case .finished(let report) = step else {
        throw PipelineError(.invalidInput, "the sweep did not finish: \(step)")
      }
      return report
    }
  }

  func jobs(_ stage: Stage) -> [Job] { jobs.filter { $0.stage == stage } }
}

/// How a test plays the cluster.
struct Cluster {
  var bench: Workbench
  /// Shuffles jobs and hands in results in random portions; nil does all in order of asking.
  var seed: UInt64?
  /// How often every job is done; results of all but the last time are forgotten.
  var repetitions = 1
  /// Jobs that are given up instead of done.
  var failing: @Sendable (Job) -> Bool = { _ in false }
  /// A job of these stages that throws is given up with its reason; others end the test.
  var forgiving: Set<Stage> = []

  static let reason = JobFailureReason(code: "test", message: "given up on purpose")

  /// Does what the pipeline asks for until it asks for no more.
  func drive(_ pipeline: Pipeline, knowing known: Results = Results()) async throws -> Ending {
    var results = known
    var done: [Job] = []
    var generator = SeededGenerator(seed: seed ?? 0)
    var walk = Walk()
    while true {
      let step = try pipeline.advance(results, from: &walk)
      try expectSame(step, pipeline.advance(results))
      guard case .needs(var jobs) = step else {
        return Ending(step: step, results: results, jobs: done)
      }
      try #require(!jobs.isEmpty, "the pipeline wants neither jobs nor to end")
      #expect(Set(jobs.map(\.key)).count == jobs.count, "a job was asked for twice")
      if seed != nil {
        jobs.shuffle(using: &generator)
        jobs.removeLast(Int.random(in: 0..<jobs.count, using: &generator))
      }
      for job in jobs {
        if failing(job) {
          results.failures[job.key] = Self.reason
          continue
        }
        do {
          for _ in 0..<repetitions {
            results.outputs[job.key] = try await Job.run(payload: job.payload, on: bench)
          }
        } catch  where forgiving.contains(job.stage) {
          results.failures[job.key] = JobFailureReason(code: "test", message: "\(error)")
          continue
        }
        done.append(job)
      }
    }
  }
}

/// Expects that where a walk goes on from makes no difference.
private func expectSame(_ step: Pipeline.Step, _ fresh: Pipeline.Step) {
  switch (step, fresh) {
  case (.needs(let a), .needs(let b)):
    #expect(a.map(\.key) == b.map(\.key), "a walk asks for other jobs")
  case (.finished(let a), .finished(let b)): #expect(a == b, "a walk ends elsewhere")
  case (.failed(let a), .failed(let b)): #expect(a == b)
  default: Issue.record("a walk stands at \(step), and the pipeline at \(fresh)")
  }
}
