import Digests
import Execution
import Pipeline
import TestSupport
import Testing

@Suite("Results depend on nothing but the definition", .tags(.backend))
struct DeterminismTests {
  @Test("the order in which jobs are done does not matter", arguments: [1, 2, 3] as [UInt64])
  func order(seed: UInt64) async throws {
    let (sweep, plain) = try await SmallSweep.plain
    let shuffled = try await Cluster(bench: sweep.bench(), seed: seed).drive(sweep.pipeline())
    #expect(try shuffled.report == plain.report)
    #expect(shuffled.results.outputs == plain.results.outputs)
  }

  @Test("threads, forgetting between jobs and doing jobs twice do not matter")
  func threads() async throws {
    let (sweep, plain) = try await SmallSweep.plain
    for cluster in [
      Cluster(bench: sweep.bench(threads: 3)),
      // Just enough for two tiles.
      Cluster(bench: sweep.bench(threads: 2, cacheBytes: 850_000), seed: 5),
      Cluster(bench: sweep.bench(), repetitions: 2),
    ] {
      let other = try await cluster.drive(sweep.pipeline())
      #expect(try other.report == plain.report)
      #expect(other.results.outputs == plain.results.outputs)
    }
  }

  @Test("what is known is not asked for, whatever is forgotten")
  func resumption() async throws {
    let (sweep, plain) = try await SmallSweep.plain
    guard case .finished(let report) = try sweep.pipeline().advance(plain.results) else {
      Issue.record("all jobs are done, and the sweep is not")
      return
    }
    #expect(report == (try plain.report))
    for (index, job) in plain.jobs.enumerated() where index.isMultiple(of: 7) {
      var results = plain.results
      results.outputs[job.key] = nil
      let again = try await Cluster(bench: sweep.bench()).drive(sweep.pipeline(), knowing: results)
      #expect(again.jobs.map(\.key) == [job.key])
      #expect(again.results.outputs == plain.results.outputs)
    }
  }

  @Test("a bench that saw another micro-batch gives the same bits as a fresh one")
  func microBatch() async throws {
    var sweep = try SmallSweep()
    sweep.definition.recipe.microBatch = 16
    let bench = sweep.bench()
    _ = try await Cluster(bench: bench).drive(sweep.pipeline())
    sweep.definition.recipe.microBatch = 1
    let used = try await Cluster(bench: bench).drive(sweep.pipeline())
    #expect(used.results.outputs == (try await sweep.run().results.outputs))
  }
}
