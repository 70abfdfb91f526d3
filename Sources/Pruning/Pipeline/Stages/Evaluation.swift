import Datasets
import Digests
import Execution
import Foundation
import NetworkGraph
import Tensors

/// Correct answers among some images; counts of shards add up exactly.
public struct CorrectCount: Sendable, Hashable, Codable {
  public var images: Int
  public var correct: Int

  public init(images: Int = 0, correct: Int = 0) {
    self.images = images
    self.correct = correct
  }

  public static func + (a: CorrectCount, b: CorrectCount) -> CorrectCount {
    CorrectCount(images: a.images + b.images, correct: a.correct + b.correct)
  }

  /// correct / images.
  public var accuracy: Double { images == 0 ? 0 : Double(correct) / Double(images) }
}

/// Top-1 of a model on one shard.
struct ShardEvaluation: JobComputation {
  static let stage = Stage.evaluation
  static let kind = "shard-evaluation-1"

  var model: Digest
  var shard: Digest
  var microBatch: Int

  func compute(on bench: Workbench) async throws -> Outcome<CorrectCount> {
    let model = try await bench.model(model)
    let shard = try await bench.shard(shard)
    let count = try await bench.compute {
      try bench.runner.correctCount(of: model.network, on: shard, microBatch: microBatch)
    }
    return Outcome(count)
  }
}

extension NetworkRunner {
  /// How many images of a shard the network's first output classifies as labelled.
  ///
  /// - Throws: ``PipelineError`` with `invalidInput` where labels are missing, outside the classes,
  ///   or an answer is not finite.
  public func correctCount(
    of network: Network, on shard: ImageShard, microBatch: Int
  ) throws -> CorrectCount {
    guard let labels = shard.labels else {
      throw PipelineError(.invalidInput, "the evaluation set has no labels; give a set that has")
    }
    let logits = try run(network, on: shard, taps: [network.outputs[0]], microBatch: microBatch)[0]
    let classes = logits.count / max(shard.count, 1)
    var count = CorrectCount(images: shard.count)
    for (image, label) in labels.enumerated() {
      let answers = logits.elements[image * classes..<(image + 1) * classes]
      guard answers.allSatisfy(\.isFinite) else {
        throw PipelineError(
          .invalidInput,
          "the network's output for an evaluation image is not finite; check model and normalisation"
        )
      }
      guard (0..<classes).contains(label) else {
        throw PipelineError(
          .invalidInput, "label \(label) is outside the network's \(classes) classes")
      }
      // The first of equal maxima, as NumPy's argmax.
      let best = answers.indices.max {
        answers[$0] < answers[$1] || (answers[$0] == answers[$1] && $0 > $1)
      }
      if best.map({ $0 - answers.startIndex }) == label { count.correct += 1 }
    }
    return count
  }
}
