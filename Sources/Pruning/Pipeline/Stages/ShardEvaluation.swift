import Datasets
import Digests
import Execution
import Foundation
import NetworkGraph
import Tensors

/// What a model does on one shard: accuracies where there are labels, and agreement with the dense
/// network.
struct ShardEvaluation: JobComputation {
  static let stage = Stage.evaluation
  static let kind = "shard-evaluation-4"

  var model: Digest
  /// What to compare with; nil for the dense model, whose outputs are what others compare with.
  var dense: DenseOutputs?
  var shard: Digest
  var metric: EvaluationMetric
  var microBatch: Int

  /// Where the dense network's outputs on the shard come from.
  enum DenseOutputs: Codable {
    /// An artifact of the dense network's own evaluation.
    case artifact(Digest)
    /// The model: its outputs are too large to keep.
    case model(Digest)
  }

  /// Bytes of a shard's outputs that are kept, at most: all classifiers', by far.
  static let greatestOutputs = 64 << 20

  func compute(on bench: Workbench) async throws -> Outcome<Evaluation> {
    let model = try await bench.model(model)
    let samples = try await bench.shard(shard)
    let reference = try await reference(on: bench)
    let (outputs, evaluation) = try await bench.compute {
      let outputs = try bench.runner.outputs(
        of: model.network, on: samples, microBatch: microBatch)
      return (
        outputs,
        try model.network.evaluate(outputs, of: samples, metric: metric, against: reference)
      )
    }
    var outcome = Outcome(evaluation.counted(by: bench.backend.identity))
    if dense == nil, outputs.reduce(0, { $0 + 4 * $1.count }) <= Self.greatestOutputs {
      outcome.artifacts = [try await bench.artifacts.put(DataShard(outputs).encoded())]
    }
    return outcome
  }

  private func reference(on bench: Workbench) async throws -> [Tensor]? {
    switch dense {
    case .artifact(let outputs): return try await bench.shard(outputs).tensors
    case .model(let dense):
      // Remembered: all variants of a sweep are compared with the same outputs.
      let dense = try await bench.model(dense)
      return try await bench.features(
        of: dense, at: dense.network.outputs, shard: shard, microBatch: microBatch)
    case nil: return nil
    }
  }
}

extension DataShard {
  /// A network's outputs on the samples of a shard, `[n, …]` each.
  init(_ outputs: [Tensor]) {
    self.init(
      inputs: outputs.map {
        InputColumn(shape: Array($0.shape.dropFirst()), storage: .values($0.elements))
      },
      labels: nil)
  }
}

extension Evaluation {
  fileprivate func counted(by identity: BackendIdentity) -> Evaluation {
    var result = self
    result.runtimes = ["\(identity.name) \(identity.version) \(identity.instructionSet)"]
    return result
  }
}

extension NetworkRunner {
  /// The network's outputs for all samples of a shard, `[n, …]` each.
  public func outputs(
    of network: Network, on shard: DataShard, microBatch: Int
  ) throws -> [Tensor] {
    try run(network, on: shard, taps: network.outputs, microBatch: microBatch)
  }
}

extension Network {
  /// Counts what this network's outputs on a shard are worth.
  ///
  /// - Parameters:
  ///   - metric: Whether labels are looked at.
  ///   - dense: The dense network's outputs on the same samples.
  /// - Throws: ``PipelineError`` with `invalidInput` where labels are missing or outside the
  ///   classes, or an output is not finite.
  public func evaluate(
    _ outputs: [Tensor], of shard: DataShard, metric: EvaluationMetric,
    against dense: [Tensor]? = nil
  ) throws -> Evaluation {
    for (output, id) in zip(outputs, self.outputs) {
      guard output.elements.allSatisfy(\.isFinite) else {
        throw PipelineError(
          .invalidInput,
          "output \"\(self[id].name)\" is not finite for an evaluation sample; "
            + "check model and normalisation")
      }
    }
    var result = Evaluation(samples: shard.count)
    if metric == .accuracy {
      let (correct, top5) = try Self.correctCounts(outputs[0], classes, shard.labels)
      (result.correct, result.correctTop5) = (correct, top5)
    }
    result.agreement = dense.map { Agreement(of: outputs, with: $0, classes: classes) }
    return result
  }

  private static func correctCounts(
    _ scores: Tensor, _ classes: Int?, _ labels: [Int]?
  ) throws -> (correct: Int, top5: Int) {
    guard let classes else {
      throw PipelineError(
        .invalidInput,
        "the network's first output is not class scores; evaluate it by --metric agreement")
    }
    guard let labels else {
      throw PipelineError(
        .invalidInput,
        "the evaluation set has no labels; give a set that has, or --metric agreement")
    }
    var (correct, top5) = (0, 0)
    for (best, label) in zip(scores.ranked(classes, first: 5), labels) {
      guard (0..<classes).contains(label) else {
        throw PipelineError(
          .invalidInput, "label \(label) is outside the network's \(classes) classes")
      }
      if best[0] == label { correct += 1 }
      if best.contains(label) { top5 += 1 }
    }
    return (correct, top5)
  }
}
