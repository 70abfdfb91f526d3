import Foundation
import NetworkGraph
import Pipeline
import TestSupport
import Testing

@Suite("What layer scores are worth", .tags(.backend))
struct ScienceTests {
  @Test("every prunable group is measured, scores are finite, correlations within their range")
  func table() async throws {
    let (sweep, ending) = try await SmallSweep.plain
    let pipeline = try sweep.pipeline()
    #expect(try pipeline.jobsForScience(ending.results).isEmpty)
    let science = try await pipeline.science(ending.results, images: 20, on: sweep.bench())
    #expect(science.images == 20)
    #expect(
      science.rows.map(\.group) == sweep.network.channelGroups().filter(\.isPrunable).map(\.name))
    for row in science.rows {
      #expect(row.damage > 0 && row.damage.isFinite && row.sensitivity > 0)
      for (name, value) in row.scores { #expect(value.isFinite, "\(name)") }
      for name in ["nhsic-outputs", "kept", "readers", "effective", "pq-index", "independence"] {
        #expect((-1e-9...1 + 1e-9).contains(try #require(row.scores[name])), "\(name)")
      }
      #expect(row.scores.count == science.correlations.count)
    }
    for one in science.correlations {
      for value in [one.withDamage, one.withSensitivity].compactMap(\.self) {
        #expect((-1...1).contains(value))
      }
      #expect(!one.meaning.isEmpty)
    }
    // A score that is the truth itself has rank correlation 1.
    var truth = science
    for place in truth.rows.indices { truth.rows[place].scores["error"] = truth.rows[place].damage }
    #expect(truth.correlations.first { $0.score == "error" }?.withDamage == 1)
  }

  @Test("a sweep that is not far enough is refused")
  func early() async throws {
    let sweep = try SmallSweep()
    let pipeline = try sweep.pipeline()
    #expect(try !pipeline.jobsForScience(Results()).isEmpty)
    await #expect(throws: PipelineError.self) {
      try await pipeline.science(Results(), images: 8, on: sweep.bench())
    }
  }
}
