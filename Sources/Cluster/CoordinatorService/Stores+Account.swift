import Digests
import Foundation
import JobEngine
import ONNXFormat
import Pipeline

extension Stores {
  /// Why a device of a sweep has the widths it has, from what the database knows.
  ///
  /// - Throws: `PipelineError` with `invalidInput` where the sweep has not come so far, has no such
  ///   device, or was computed by another version of the program.
  public func account(of device: String, in sweep: Sweep) async throws -> PlanAccount {
    let (pipeline, walk) = try await recall(sweep)
    guard let needed = try pipeline.explanationArtifacts(of: device, at: walk),
      needed.allSatisfy({ artifacts.contains($0) })
    else {
      throw PipelineError(
        .invalidInput,
        """
        what sweep \(sweep.name) allocated from is not there: it has not come so far, or another \
        version computed it; run it again
        """)
    }
    return try pipeline.account(
      of: device, at: walk, artifacts: try needed.map { try artifacts.data(for: $0) })
  }

  /// How far a sweep came, by the results that are recorded.
  private func recall(_ sweep: Sweep) async throws -> (Pipeline, Walk) {
    let pipeline: Pipeline
    do {
      let definition = try CanonicalJSON.decode(SweepDefinition.self, from: sweep.definition)
      let data = try artifacts.data(for: definition.model.digest)
      pipeline = try Pipeline(
        definition, network: try ONNXModel.decode(data, name: definition.model.name))
    } catch is DecodingError {
      throw PipelineError(
        .invalidInput, "another version of the program made sweep \(sweep.name); run it again")
    }
    var results = Results()
    var walk = Walk()
    while case .needs(let jobs) = try pipeline.advance(results, from: &walk) {
      let found = try await self.jobs.results(keys: jobs.map(\.key))
      guard !found.isEmpty else { break }
      for (key, result) in found {
        results.outputs[key] = JobOutput(summary: result.summary, artifacts: result.artifacts)
      }
    }
    return (pipeline, walk)
  }
}
