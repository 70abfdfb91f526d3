import Allocation
import Devices
import Digests
import Execution
import NetworkGraph

/// How long a variant takes: as its device's table predicts, and here, where that is asked for.
struct LatencyEvaluation: JobComputation {
  static let stage = Stage.evaluation
  static let kind = "latency-evaluation-1"

  struct Summary: Codable, Sendable, Hashable {
    /// Nanoseconds for one image; nil where table and peak rates do not tell.
    var predicted: Int64?
    /// How the least certain part of the prediction is known.
    var source: LatencySurface.Source?
    /// On the machine of the worker, one thread.
    var measured: LatencyMeasurement?
  }

  var model: Digest
  /// Where times of layers come from; the rest of the device does not count.
  var table: Digest?
  var roofline: Roofline?
  /// How often the variant is run; 0 to predict alone.
  var repeats: Int

  func compute(on bench: Workbench) async throws -> Outcome<Summary> {
    let model = try await bench.model(model)
    var summary = Summary()
    let table = try await bench.latencyTable(table)
    if table != nil || roofline != nil {
      let times = LayerTimes(table: table, roofline: roofline)
      let prediction = try? times.prediction(
        of: model.network.layers(groups: model.groups), widths: model.groups.map(\.width))
      (summary.predicted, summary.source) = (prediction?.total, prediction?.source)
    }
    if repeats > 0 {
      summary.measured = try await bench.compute { [repeats] in
        try LatencyBenchmark.measure(
          network: model.network, backend: bench.backend, repeats: repeats)
      }
    }
    return Outcome(summary)
  }
}

extension Workbench {
  /// A table of times by its digest.
  func latencyTable(_ digest: Digest?) async throws -> LatencyTable? {
    guard let digest else { return nil }
    return try await cache.value(for: "latency/\(digest)") { [artifacts] in
      let data = try await artifacts.data(for: digest)
      return (try CanonicalJSON.decode(LatencyTable.self, from: data), 8 * data.count)
    }
  }
}

extension DeviceProfile {
  /// The digest of its table, by which a sweep names it.
  ///
  /// - Throws: ``PipelineError`` where it is none.
  func tableDigest() throws -> Digest? {
    guard let latencyTable else { return nil }
    guard let digest = Digest(hex: latencyTable) else {
      throw PipelineError(
        .invalidInput, "\(name): '\(latencyTable)' is no digest of a latency table")
    }
    return digest
  }
}
