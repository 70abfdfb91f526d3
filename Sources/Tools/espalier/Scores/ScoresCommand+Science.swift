import CoordinatorService
import Digests
import Foundation
import JobEngine
import ONNXFormat
import OneDNNBackend
import Pipeline

extension ScoresCommand {
  /// Measures what scores are worth, in this process.
  func compare() async throws {
    let local = LocalCluster(cluster)
    let science = try await local.reading { stores in
      let record = try await stores.sweeps.find(sweep)
      let definition = try CanonicalJSON.decode(SweepDefinition.self, from: record.definition)
      let model = try stores.artifacts.data(for: definition.model.digest)
      let pipeline = try Pipeline(
        definition, network: try ONNXModel.decode(model, name: definition.model.name))
      let bench = Workbench(
        backend: OneDNNBackend(), threads: ProcessInfo.processInfo.activeProcessorCount,
        artifacts: stores.artifacts)
      return try await pipeline.science(
        try await stores.results(of: pipeline), images: scienceImages, on: bench)
    }
    switch format {
    case .json: try printJSON(science)
    case .table: print(science.table)
    }
  }
}

extension Stores {
  /// What is known of the jobs that a comparison of scores rests on.
  fileprivate func results(of pipeline: Pipeline) async throws -> Results {
    var results = Results()
    while true {
      let missing = try pipeline.jobsForScience(results).map(\.key)
      let known = try await jobs.results(keys: missing)
      guard !known.isEmpty else { return results }
      for (key, result) in known {
        results.outputs[key] = JobOutput(summary: result.summary, artifacts: result.artifacts)
      }
    }
  }
}

extension LayerScience {
  /// A line per score: its rank correlation with damage and sensitivity.
  fileprivate var table: String {
    func number(_ value: Double?) -> String { value.map { String(format: "%+.2f", $0) } ?? "–" }
    func padded(_ text: String, _ width: Int) -> String {
      text.padding(toLength: max(width, text.count), withPad: " ", startingAt: 0)
    }
    let lines = correlations.map {
      padded($0.score, 16) + padded(number($0.withDamage), 9)
        + padded(number($0.withSensitivity), 13) + $0.meaning
    }
    let header =
      padded("score", 16) + padded("damage", 9) + padded("sensitivity", 13) + "what it is"
    return
      ([header] + lines + ["\(rows.count) groups of \(model), \(images) images"])
      .joined(separator: "\n")
  }
}
