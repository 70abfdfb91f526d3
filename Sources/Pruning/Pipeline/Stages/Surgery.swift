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
  static let kind = "plan-surgery-13"

  struct Summary: Codable, Sendable {
    var macs: MACs
    var parameters: ParameterCount
    var modelBytes: Bytes
    var peakActivationBytes: Bytes
    /// How BatchNorm statistics were chosen: `dense`, or `calibration` where that is nearer to the
    /// dense network on images held back for the choice.
    var batchNormalization: String
    /// `single`, `sequential`, `rectified`, `paired` or `joint`, whichever was nearest to the dense
    /// network on the same images; `dense` where nothing was cut.
    var reconstruction: String
    /// Relative squared change of the outputs on the images held back.
    var outputError: Double
    /// Layers whose fit was not finite: they have the weights of the single pass.
    var unfitted: [String]
  }

  var model: Digest
  var modelName: String
  /// By group: the units that stay.
  var selection: ChannelSelection
  /// Summed Grams of all consumers, by layer name.
  var grams: [String: Digest]
  /// Calibration shards; the last ones are held back where there are several.
  var shards: [Digest]
  /// Whether units are exchanged first, where that lowers the error of a group.
  var exchanges: Bool
  var reconstruction: ReconstructionKind
  var sequentialDamping: Double
  var meanWeight: Int
  var mirrors: Bool
  /// Rounds of a fit of all layers together.
  var jointRounds: Int
  /// Positions of each image that enter a sequential fit, at most.
  var positions: Int
  var microBatch: Int

  /// Alternations of a fit to what activations let through.
  private static let clampSteps = 4
  /// Rounds of a fit of two layers together.
  private static let pairRounds = 3
  /// A change of the outputs, relative and squared, that no further fit need lower.
  private static let negligibleError = 1e-6
  /// Images that BatchNorm statistics are measured on, about: each has as many positions as a layer.
  private static let statisticsImages = 256
  /// How often every image is met in a fit of all layers together: once, and then in blends.
  private static let blendPasses = 4
  /// What both networks may hold where they stand still, in bytes.
  private static let heldBytes = 3 << 29

  /// - Returns: Artifacts: the network after surgery alone, and after reconstruction.
  func compute(on bench: Workbench) async throws -> Outcome<Summary> {
    let model = try await bench.model(model)
    guard selection.widths(model.groups) != model.groups.map(\.width) else {
      return try await outcome(
        model, sliced: model.network, Recovered(network: model.network, fit: "dense"), on: bench)
    }
    let grams = try await bench.grams(self.grams)
    if exchanges {
      var better = self
      better.exchanges = false
      better.selection = try await bench.compute {
        try model.network.exchanging(selection, groups: model.groups, grams: grams)
      }
      return try await better.compute(on: bench)
    }
    let (sliced, single) = try await bench.compute { [selection] in
      (
        try model.network.pruned(selection, groups: model.groups),
        try model.network.reconstructed(selection, groups: model.groups, grams: grams)
          .pruned(selection, groups: model.groups)
      )
    }
    let (rest, heldBack) = try await split(on: bench)
    var fitted = Recovered(network: single, fit: "single")
    fitted.error = try await error(of: fitted, model, heldBack, on: bench)
    if fitted.error <= Self.negligibleError {
      return try await outcome(model, sliced: sliced, fitted, on: bench)
    }
    if reconstruction != .single {
      let (network, unfitted) = try await sequential(
        model, sliced: sliced, prior: single, rest, on: bench)
      var layered = Recovered(
        network: network, fit: reconstruction.byLayer.rawValue, unfitted: unfitted)
      layered.error = try await error(of: layered, model, heldBack, on: bench)
      fitted = best(of: [fitted, layered])
    }
    if fitted.network.hasBatchNormalization {
      let counts = try await bench.shards(rest).map(\.count)
      let first = counts.prefix(holding: Self.statisticsImages) { $0 }.count
      var recalibrated = fitted
      recalibrated.network = try await bench.recalibrated(
        fitted.network, shards: Array(rest.prefix(first)))
      recalibrated.statistics = "calibration"
      recalibrated.error = try await error(of: recalibrated, model, heldBack, on: bench)
      fitted = best(of: [fitted, recalibrated])
    }
    if reconstruction == .joint,
      let network = try await jointly(model, fitted.network, rest, heldBack, on: bench)
    {
      var joint = fitted
      (joint.network, joint.fit) = (network, ReconstructionKind.joint.rawValue)
      joint.error = try await error(of: joint, model, heldBack, on: bench)
      fitted = best(of: [fitted, joint])
    }
    return try await outcome(model, sliced: sliced, fitted, on: bench)
  }

  /// Shards to fit on, and shards held back for choices. One shard alone serves for both.
  private func split(on bench: Workbench) async throws -> (rest: [Digest], heldBack: [Digest]) {
    guard shards.count > 1 else { return (shards, shards) }
    let held = Self.heldBack(of: try await bench.shards(shards).map(\.count))
    return (Array(shards.dropLast(held)), Array(shards.suffix(held)))
  }

  /// How many shards are held back: the last ones that have a sixteenth of all images or more, and
  /// never all of them. The very last may have hardly any: it is what the others leave over.
  static func heldBack(of counts: [Int]) -> Int {
    let images = counts.reduce(0, +)
    var (shards, held) = (0, 0)
    while shards < counts.count - 1, 16 * held < images {
      shards += 1
      held += counts[counts.count - shards]
    }
    return shards
  }

  /// All layers fitted together; nil where that is not possible.
  private func jointly(
    _ model: PreparedModel, _ network: Network, _ shards: [Digest], _ heldBack: [Digest],
    on bench: Workbench
  ) async throws -> Network? {
    let fit = JointReconstruction(
      dense: model.network, rounds: jointRounds, relativeDamping: sequentialDamping,
      positions: positions, microBatch: microBatch, runner: bench.runner)
    let samples = inputs(of: try await bench.shards(shards))
    let held = try await bench.shards(heldBack).map(\.tensors)
    // Only numbers that mean an amount can be blended.
    let isBlended = model.network.inputs.allSatisfy { model.network[$0].elementType == .float32 }
    return try await bench.compute {
      let blends = SampleBlends(samples, passes: isBlended ? Self.blendPasses : 1)
      do {
        return try fit.refined(network, on: blends, held: SampleBlends(held, passes: 1))
      } catch let error as RecoveryError where error.code == .singular {
        return nil
      }
    }
  }

  private func error(
    of candidate: Recovered, _ model: PreparedModel, _ shards: [Digest], on bench: Workbench
  ) async throws -> Double {
    try await bench.outputChange(
      model, against: candidate.network, shards: shards, microBatch: microBatch)
  }

  /// The one nearest to the dense network; of equal ones the first, which is the plainer.
  private func best(of candidates: [Recovered]) -> Recovered {
    candidates.min { $0.error < $1.error || ($1.error.isNaN && !$0.error.isNaN) } ?? candidates[0]
  }

  /// A way to make up for what was cut.
  private struct Recovered {
    var network: Network
    var fit: String
    var statistics = "dense"
    /// Layers that have the weights of the single pass.
    var unfitted: [String] = []
    var error = 0.0
  }

  private func sequential(
    _ model: PreparedModel, sliced: Network, prior: Network, _ shards: [Digest],
    on bench: Workbench
  ) async throws -> (network: Network, unfitted: [String]) {
    let fit = SequentialReconstruction(
      dense: model.network, pruned: sliced, prior: prior,
      kept: model.network.keptIndices(selection, groups: model.groups),
      relativeDamping: sequentialDamping, positions: positions,
      clampSteps: reconstruction == .sequential ? 0 : Self.clampSteps, meanWeight: meanWeight,
      pairRounds: reconstruction.byLayer == .paired ? Self.pairRounds : 0)
    // Both networks stand still between layers: what they hold then bounds the number of samples.
    let bytes = max((mirrors ? 6 : 3) * fit.bytesPerSample, 1)
    let room = max(Self.heldBytes / bytes, 1)
    var samples: [DataShard] = []
    for digest in shards {
      let left = room - samples.reduce(0) { $0 + $1.count }
      guard left > 0 else { break }
      let shard = try await bench.shard(digest)
      samples.append(shard.count > left ? shard.shard(0..<left) : shard)
    }
    bench.cache.makeRoom(bytes * samples.reduce(0) { $0 + $1.count })
    return try await bench.compute { [samples] in
      try fit.fitted(on: inputs(of: samples), with: bench.runner, microBatch: microBatch)
    }
  }

  /// What the network reads of some samples, and of their mirror images where those take part.
  private func inputs(of samples: [DataShard]) -> [[Tensor]] {
    samples.map { mirrors ? $0.tensors.map(\.withMirrorImages) : $0.tensors }
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
      let data = try ONNXModel.encode(
        network, lineage: lineage(model, step: step, recovered.unfitted))
      artifacts.append(try await bench.artifacts.put(data))
    }
    return Outcome(
      Summary(
        macs: cost.macs, parameters: cost.parameters, modelBytes: cost.modelBytes,
        peakActivationBytes: cost.peakActivationBytes,
        batchNormalization: recovered.statistics, reconstruction: recovered.fit,
        outputError: recovered.error, unfitted: recovered.unfitted), artifacts: artifacts)
  }

  /// What the exported file says about where it comes from.
  private func lineage(
    _ model: PreparedModel, step: String, _ unfitted: [String]
  ) throws -> [String: String] {
    let widths = Dictionary(
      uniqueKeysWithValues: zip(model.groups.map(\.name), selection.widths(model.groups)))
    var lineage = [
      "espalier.parent": model.digest.hex,
      "espalier.parent_name": modelName,
      "espalier.step": step,
      "espalier.widths": String(decoding: try CanonicalJSON.encode(widths), as: UTF8.self),
    ]
    if !unfitted.isEmpty { lineage["espalier.unfitted"] = unfitted.joined(separator: " ") }
    return lineage
  }
}

extension Tensor {
  /// The same samples, and behind them those that are maps mirrored left to right, others again.
  fileprivate var withMirrorImages: Tensor {
    let mirrored =
      rank == 4 ? gathering(Array((0..<shape[3]).reversed()), axis: 3) : self
    return Tensor(joining: [self, mirrored])
  }
}

extension Network {
  var hasBatchNormalization: Bool {
    nodes.contains { if case .batchNormalization = $0.operation { true } else { false } }
  }
}
