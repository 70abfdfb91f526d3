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
  static let kind = "shard-evaluation-3"

  var model: Digest
  /// The dense model, to compare with; nil where the model is that.
  var dense: Digest?
  var shard: Digest
  var metric: EvaluationMetric
  var microBatch: Int

  func compute(on bench: Workbench) async throws -> Outcome<Evaluation> {
    let model = try await bench.model(model)
    let samples = try await bench.shard(shard)
    var reference: [Tensor]?
    if let dense {
      // Remembered: all variants of a sweep are compared with the same outputs.
      let dense = try await bench.model(dense)
      reference = try await bench.features(
        of: dense, at: dense.network.outputs, shard: shard, microBatch: microBatch)
    }
    let evaluation = try await bench.compute { [reference] in
      try bench.runner.evaluate(
        model.network, on: samples, metric: metric, against: reference, microBatch: microBatch)
    }
    return Outcome(evaluation.counted(by: bench.backend.identity))
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
  /// Counts what a network's outputs are worth on a shard.
  ///
  /// - Parameters:
  ///   - metric: Whether labels are looked at.
  ///   - dense: The dense network's outputs on the same samples.
  /// - Throws: ``PipelineError`` with `invalidInput` where labels are missing or outside the
  ///   classes, or an output is not finite.
  public func evaluate(
    _ network: Network, on shard: DataShard, metric: EvaluationMetric,
    against dense: [Tensor]? = nil, microBatch: Int
  ) throws -> Evaluation {
    let outputs = try self.outputs(of: network, on: shard, microBatch: microBatch)
    for (output, id) in zip(outputs, network.outputs) {
      guard output.elements.allSatisfy(\.isFinite) else {
        throw PipelineError(
          .invalidInput,
          "output \"\(network[id].name)\" is not finite for an evaluation sample; "
            + "check model and normalisation")
      }
    }
    var result = Evaluation(samples: shard.count)
    if metric == .accuracy {
      let (correct, top5) = try Self.correctCounts(outputs[0], network.classes, shard.labels)
      (result.correct, result.correctTop5) = (correct, top5)
    }
    result.agreement = dense.map { Agreement(of: outputs, with: $0, classes: network.classes) }
    return result
  }

  /// The network's outputs for all samples of a shard, `[n, …]` each.
  public func outputs(
    of network: Network, on shard: DataShard, microBatch: Int
  ) throws -> [Tensor] {
    try run(network, on: shard, taps: network.outputs, microBatch: microBatch)
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
