import NetworkGraph
import Tensors

/// A plan that can say how long each of its steps takes as they run one after the other.
public protocol TimedPlan: ExecutionPlan {
  /// Runs one batch and returns nanoseconds by node: what nodes take that are computed together is
  /// the time of the first of them, and copying an output is part of the step that made it.
  ///
  /// - Parameter inputs: As for ``ExecutionPlan/run(_:)-([Tensor])``.
  func nodeTimes(_ inputs: [Tensor]) throws -> [Int: Int64]
}

extension Network {
  /// One image for every input, with elements spread over −1…1.
  public func syntheticInputs(images: Int = 1) -> [Tensor] {
    inputs.map { ForwardBenchmark.syntheticImages(self[$0].shape, 0..<images) }
  }
}
