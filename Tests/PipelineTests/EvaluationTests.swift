import Datasets
import Digests
import Foundation
import TestSupport
import Testing

@testable import Pipeline

@Suite("Evaluation of a shard", .tags(.backend))
struct EvaluationTests {
  @Test("outputs that the dense network left are as good as the network itself")
  func keptOutputs() async throws {
    let (sweep, plain) = try await SmallSweep.plain
    let jobs = plain.jobs(.evaluation)
    let dense = try #require(jobs.first { $0.label == "dense, shard 0" })
    let kept = try #require(plain.results.outputs[dense.key]?.artifacts.first)
    let variant = try #require(try plain.report.variants.compactMap(\.digest).first)
    let shard = try #require(sweep.definition.evaluation?.shards.first)
    func summary(_ dense: ShardEvaluation.DenseOutputs) async throws -> String {
      let job = try Job(
        ShardEvaluation(
          model: variant, dense: dense, shard: shard, metric: .accuracy, microBatch: 4),
        label: "", weight: 0)
      let output = try await Job.run(payload: job.payload, on: sweep.bench())
      #expect(output.artifacts.isEmpty)
      return String(decoding: output.summary, as: UTF8.self)
    }
    let summaries = [
      try await summary(.artifact(kept)),
      try await summary(.model(sweep.definition.model.digest)),
    ]
    #expect(summaries[0] == summaries[1])
    #expect(summaries[0].contains("agreement"))
  }
}
