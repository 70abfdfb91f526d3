import Devices
import Foundation
import TestSupport
import Testing

@testable import Pipeline

@Suite("Progress of the work under way")
struct WorkProgressTests {
  @Test("what is done is a share, and the next work starts from nothing")
  func shares() throws {
    let progress = WorkProgress()
    #expect(progress.share == 0)
    try progress.reach(0.5)
    #expect(progress.share == 0.5)
    try progress.reach(.nan)
    #expect(progress.share == 0.5)
    try progress.reach(7)
    #expect(progress.share == 1)
    progress.begin()
    #expect(progress.share == 0)
    try progress.reach(1)
    #expect(progress.share == 1)
  }

  @Test(
    "work given up ends at a checkpoint; the same work done again is whole",
    .tags(.backend), arguments: [ReconstructionKind.paired, .joint])
  func abandoned(reconstruction: ReconstructionKind) async throws {
    var sweep = try SmallSweep()
    sweep.definition.recipe.reconstruction = reconstruction
    sweep.definition.recipe.jointSteps = 12
    let ending = try await sweep.run()
    var seen: Set<Stage> = []
    var shares: Set<Double> = []
    for job in ending.jobs where !job.isReduction && job.stage != .allocation {
      seen.insert(job.stage)
      let request = try JobRequest(payload: job.payload)
      // Nothing is remembered that would make networks superfluous.
      let bench = sweep.bench()
      bench.progress.abandon()
      let output = await JobRequest.run([request], on: bench)
      #expect(throws: CancellationError.self, "\(job.label)") { try output[0].get() }
      bench.progress.begin()
      let again = await JobRequest.run([request], on: bench)
      #expect(try again[0].get() == ending.results.outputs[job.key], "\(job.label)")
      if job.stage == .surgery { shares.insert(bench.progress.share) }
    }
    // A plan that cuts nothing fits nothing.
    #expect(shares == [0, 1])
    for stage in [Stage.scores, .surgery] {
      let bench = sweep.bench()
      bench.progress.abandon()
      let together = try ending.jobs(stage).map { try JobRequest(payload: $0.payload) }
        .filter { $0.pass != nil }
      #expect(together.count > 1)
      for output in await JobRequest.run(together, on: bench) {
        #expect(throws: CancellationError.self) { try output.get() }
      }
    }
    #expect(seen == [.scores, .statistics, .reconstruction, .surgery, .evaluation])
  }

  @Test(
    "what is foreseen is what the jobs turn out to be, exactly once all devices have widths",
    .tags(.backend), arguments: [ReconstructionKind.paired, .joint])
  func foreseen(reconstruction: ReconstructionKind) async throws {
    let devices = [
      SmallSweep.device("half", [.macs: 0.5]), SmallSweep.device("some", [.macs: 0.7]),
      SmallSweep.device("half again", [.macs: 0.5]), SmallSweep.device("nothing", [.macs: 1e-6]),
      // Nothing is cut there, and so nothing is trained.
      SmallSweep.device("whole", [.macs: 1]),
    ]
    var sweep = try SmallSweep(devices: devices)
    sweep.definition.recipe.reconstruction = reconstruction
    sweep.definition.recipe.jointSteps = 12
    let pipeline = try sweep.pipeline()
    let ending = try await sweep.run()
    let statuses = try ending.report.variants.map(\.status)
    #expect(statuses == [.ready, .ready, .ready, .infeasible, .ready])
    var walk = Walk()
    let before = try pipeline.foreseenWork(walk)
    _ = try pipeline.advance(ending.results, from: &walk)
    let after = try pipeline.foreseenWork(walk)
    for stage in [Stage.scores, .statistics, .reconstruction, .surgery, .evaluation] {
      let jobs = ending.jobs(stage).reduce(0) { $0 + $1.weight }
      let work = try #require(after[stage])
      #expect(jobs > 0 && abs(work - jobs) <= 1e-9 * jobs, "\(stage): \(work) for \(jobs)")
      let guess = try #require(before[stage])
      #expect(guess >= 0.99 * jobs && guess <= 4 * jobs, "\(stage): \(guess) for \(jobs)")
    }
  }
}
