import Digests
import Foundation
import Pipeline
import TestSupport
import Testing

@Suite("What workers return is looked at", .tags(.backend))
struct ValidationTests {
  @Test("every result of a sweep is one of its job, in the spelling it came in")
  func right() async throws {
    let (sweep, plain) = try await SmallSweep.plain
    let bench = sweep.bench()
    for job in plain.jobs {
      let output = try #require(plain.results.outputs[job.key])
      #expect(try await JobRequest(payload: job.payload).validated(output, on: bench) == output)
    }
  }

  @Test("results of other jobs, without their files or without sense, are refused")
  func wrong() async throws {
    let (sweep, plain) = try await SmallSweep.plain
    let bench = sweep.bench()
    func outputs(_ stage: Stage, _ count: Int) throws -> [(job: Job, output: JobOutput)] {
      let done = plain.jobs(stage).filter { !$0.isReduction }
      try #require(done.count >= count, "\(stage)")
      return try done.map { ($0, try #require(plain.results.outputs[$0.key])) }
    }
    func refused(_ output: JobOutput, of job: Job) async {
      let error = await #expect(throws: PipelineError.self) {
        try await JobRequest(payload: job.payload).validated(output, on: bench)
      }
      #expect(error?.code == .wrongResult)
    }
    let tiles = try outputs(.scores, 2)
    await refused(tiles[1].output, of: tiles[0].job)
    await refused(tiles[0].output, of: tiles[1].job)
    let grams = try outputs(.statistics, 1)[0]
    await refused(tiles[0].output, of: grams.job)
    for (job, output) in [tiles[0], grams] {
      var changed = output
      changed.artifacts = []
      await refused(changed, of: job)
      changed.artifacts = [Digest(parts: ["of nothing"])]
      await refused(changed, of: job)
      changed.artifacts = output.artifacts + output.artifacts
      await refused(changed, of: job)
    }
    for stage in [Stage.reconstruction, .surgery, .evaluation] {
      let (job, output) = try outputs(stage, 1)[0]
      for summary in ["", "[", "{}", "null", #"{"a": 1}"#] {
        await refused(JobOutput(summary: Data(summary.utf8), artifacts: output.artifacts), of: job)
      }
    }
    let evaluation = try outputs(.evaluation, 1)[0]
    let text = String(decoding: evaluation.output.summary, as: UTF8.self)
    let more = text.replacingOccurrences(of: #""samples":16"#, with: #""samples":17"#)
    #expect(more != text)
    await refused(JobOutput(summary: Data(more.utf8), artifacts: []), of: evaluation.job)
    // Of 40 images the last shard has 8.
    let dense = try outputs(.evaluation, 3).filter { $0.job.label.hasPrefix("dense") }
    let kept = dense.map(\.output.artifacts)
    let nothing = [Digest(parts: ["of nothing"])]
    for artifacts in [kept[2], kept[0] + kept[1], nothing, tiles[0].output.artifacts] {
      await refused(
        JobOutput(summary: dense[0].output.summary, artifacts: artifacts), of: dense[0].job)
    }
  }
}

@Suite("What a stage came to is remembered", .tags(.backend))
struct ConclusionTests {
  @Test("with the walk, the spent results may be forgotten")
  func spent() async throws {
    let (sweep, plain) = try await SmallSweep.plain
    let pipeline = try sweep.pipeline()
    var (results, walk) = (plain.results, Walk())
    _ = try pipeline.advance(results, from: &walk)
    let spent = walk.takeSpent()
    let early = plain.jobs.filter { [.scores, .statistics, .reconstruction].contains($0.stage) }
    #expect(Set(spent) == Set(early.map(\.key)))
    for key in spent { results.outputs[key] = nil }
    guard case .finished(let report) = try pipeline.advance(results, from: &walk) else {
      Issue.record("all jobs are done, and the sweep is not")
      return
    }
    #expect(report == (try plain.report))
    #expect(walk.takeSpent().isEmpty)
  }

  @Test("jobs that help only together are one cohort")
  func cohorts() async throws {
    let (sweep, plain) = try await SmallSweep.plain
    guard case .needs(let first) = try sweep.pipeline().advance(Results()) else { return }
    let stages = Dictionary(grouping: first, by: \.cohort).values.map { Set($0.map(\.stage)) }
    #expect(stages.count == 3, "tiles, Grams and the dense network's evaluation")
    #expect(stages.allSatisfy { $0.count == 1 })
    // Devices go on each by itself.
    let later = Set(plain.jobs(.allocation).filter { !$0.isReduction }.map(\.key))
    var results = plain.results
    for key in later { results.outputs[key] = nil }
    guard case .needs(let jobs) = try sweep.pipeline().advance(results) else { return }
    #expect(Set(jobs.map(\.key)) == later)
    #expect(Set(jobs.map(\.cohort)).count == later.count)
  }
}
