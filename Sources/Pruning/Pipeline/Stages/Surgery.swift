import Datasets
import Digests
import Execution
import Foundation
import NetworkGraph
import ONNXFormat
import Parallelism
import Quantities
import Recovery
import Surgery
import Tensors

/// The variant of one plan: cut out, fitted again, and written as two ONNX files.
struct PlanSurgery: JobComputation {
  static let stage = Stage.surgery
  static let kind = "plan-surgery-4"

  struct Summary: Codable, Sendable {
    var macs: MACs
    var parameters: ParameterCount
    var modelBytes: Bytes
    var peakActivationBytes: Bytes
    /// How BatchNorm statistics were chosen: `dense`, or `calibration` where that is nearer to the
    /// dense network on images held back for the choice.
    var batchNormalization: String
    /// `single` or `sequential`, whichever was nearer to the dense network on the same images;
    /// `dense` where nothing was cut.
    var reconstruction: String
    /// Relative squared change of the outputs on the images held back.
    var outputError: Double
  }

  var model: Digest
  var modelName: String
  /// By group: the units that stay.
  var selection: ChannelSelection
  /// Summed Grams of all consumers, by layer name.
  var grams: [String: Digest]
  /// Calibration shards; the last one is held back where there are several.
  var shards: [Digest]
  var reconstruction: ReconstructionKind
  var sequentialDamping: Double
  /// Positions of each image that enter a sequential fit, at most.
  var positions: Int
  var microBatch: Int

  /// - Returns: Artifacts: the network after surgery alone, and after reconstruction.
  func compute(on bench: Workbench) async throws -> Outcome<Summary> {
    let model = try await bench.model(model)
    guard selection.widths(model.groups) != model.groups.map(\.width) else {
      return try await outcome(
        model, sliced: model.network, Recovered(network: model.network, fit: "dense"), on: bench)
    }
    let grams = try await bench.grams(self.grams)
    let (sliced, single) = try await bench.compute { [selection] in
      (
        try model.network.pruned(selection, groups: model.groups),
        try model.network.reconstructed(selection, groups: model.groups, grams: grams)
          .pruned(selection, groups: model.groups)
      )
    }
    let heldBack = Array(shards.suffix(1))
    let rest = shards.count > 1 ? Array(shards.dropLast()) : shards
    var candidates = [Recovered(network: single, fit: "single")]
    if reconstruction == .sequential {
      let network = try await sequential(model, sliced: sliced, prior: single, rest, on: bench)
      candidates.append(Recovered(network: network, fit: "sequential"))
    }
    for candidate in candidates where candidate.network.hasBatchNormalization {
      candidates.append(
        Recovered(
          network: try await bench.recalibrated(candidate.network, shards: rest),
          fit: candidate.fit, statistics: "calibration"))
    }
    for index in candidates.indices {
      candidates[index].error = try await bench.outputChange(
        model, against: candidates[index].network, shards: heldBack, microBatch: microBatch)
    }
    // The first of equal ones: the plainer comes first.
    let best = candidates.min { $0.error < $1.error || ($1.error.isNaN && !$0.error.isNaN) }
    return try await outcome(model, sliced: sliced, best ?? candidates[0], on: bench)
  }

  /// A way to make up for what was cut.
  private struct Recovered {
    var network: Network
    var fit: String
    var statistics = "dense"
    var error = 0.0
  }

  private func sequential(
    _ model: PreparedModel, sliced: Network, prior: Network, _ shards: [Digest],
    on bench: Workbench
  ) async throws -> Network {
    let fit = SequentialReconstruction(
      dense: model.network, pruned: sliced, prior: prior,
      kept: model.network.keptIndices(selection, groups: model.groups),
      relativeDamping: sequentialDamping, positions: positions)
    // Both networks stand still between layers: what they hold then bounds the number of samples.
    let room = max((640 << 20) / max(2 * fit.bytesPerSample, 1), 1)
    var samples: [DataShard] = []
    for digest in shards {
      let left = room - samples.reduce(0) { $0 + $1.count }
      guard left > 0 else { break }
      let shard = try await bench.shard(digest)
      samples.append(shard.count > left ? shard.shard(0..<left) : shard)
    }
    return try await bench.compute { [samples] in
      let parts = samples.map(\.tensors)
      let inputs = (parts.first ?? []).indices.map { input in
        Tensor(
          shape: [samples.reduce(0) { $0 + $1.count }] + parts[0][input].shape.dropFirst(),
          elements: parts.flatMap { $0[input].elements })
      }
      return try fit.fitted(on: inputs, with: bench.runner, microBatch: microBatch)
    }
  }

  private func outcome(
    _ model: PreparedModel, sliced: Network, _ recovered: Recovered, on bench: Workbench
  ) async throws -> Outcome<Summary> {
    let cost = recovered.network.cost()
    guard recovered.error.isFinite else {
      throw PipelineError(
        .invalidInput, "the reconstructed network's output is not finite on calibration images")
    }
    var artifacts: [Digest] = []
    for (network, step) in [(sliced, "surgery"), (recovered.network, "reconstruction")] {
      let data = try ONNXModel.encode(network, lineage: lineage(model, step: step))
      artifacts.append(try await bench.artifacts.store(data))
    }
    return Outcome(
      Summary(
        macs: cost.macs, parameters: cost.parameters, modelBytes: cost.modelBytes,
        peakActivationBytes: cost.peakActivationBytes,
        batchNormalization: recovered.statistics, reconstruction: recovered.fit,
        outputError: recovered.error), artifacts: artifacts)
  }

  /// What the exported file says about where it comes from.
  private func lineage(_ model: PreparedModel, step: String) throws -> [String: String] {
    let widths = Dictionary(
      uniqueKeysWithValues: zip(model.groups.map(\.name), selection.widths(model.groups)))
    return [
      "espalier.parent": model.digest.hex,
      "espalier.parent_name": modelName,
      "espalier.step": step,
      "espalier.widths": String(decoding: try CanonicalJSON.encode(widths), as: UTF8.self),
    ]
  }
}

extension Network {
  var hasBatchNormalization: Bool {
    nodes.contains { if case .batchNormalization = $0.operation { true } else { false } }
  }
}

extension Workbench {
  /// The network with the BatchNorm statistics of calibration images.
  ///
  /// Every shard is one batch, normalised by its own statistics; their averages replace the stored
  /// ones, as training with cumulative averages would.
  func recalibrated(_ network: Network, shards: [Digest]) async throws -> Network {
    var images: [DataShard] = []
    for digest in shards { images.append(try await shard(digest)) }
    return try await compute { [images] in
      let batches = try parallelMap(count: images.count, threads: self.threads) { index in
        let shard = images[index]
        let plan = try self.backend.plan(
          network,
          options: ExecutionOptions(batch: shard.count, batchNormalization: .batchStatistics))
        return (shard.count, try plan.run(shard.tensors).statistics)
      }
      var result = network
      for (index, node) in network.nodes.enumerated() {
        guard case .batchNormalization = node.operation, let mean = node.inputs[3],
          let variance = node.inputs[4]
        else { continue }
        let shape = network[node.output].shape
        var average = BatchNormalizationStatistics(channels: shape[1].extent ?? 0)
        let positions = shape.elementsPerImage / max(average.channels, 1)
        for (count, statistics) in batches {
          guard let entry = statistics[index] else { continue }
          try average.add(
            mean: entry.mean, variance: entry.variance, count: count * positions)
        }
        guard average.batches > 0 else { continue }
        let moments = average.averaged
        result[mean].constant?.elements = moments.mean
        result[variance].constant?.elements = moments.variance
      }
      return result
    }
  }
}
