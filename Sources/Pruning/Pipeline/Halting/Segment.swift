import Execution
import NetworkGraph
import Parallelism
import Tensors

/// A part of a network made ready to run, for any thread and as often as one likes: making plans
/// takes as long as some images do.
struct Segment {
  let network: Network
  private let plans: Pool<any ExecutionPlan>

  /// - Parameters:
  ///   - microBatch: Samples that are given at once, at most.
  ///   - order: Of the elements of inputs and outputs.
  init(
    _ network: Network, on backend: any Backend, microBatch: Int, order: ChannelOrder = .first
  ) {
    self.network = network
    plans = Pool {
      try backend.plan(
        network, options: ExecutionOptions(batch: microBatch, channelOrder: order))
    }
  }

  /// Some of its outputs, `[samples, …]` each, from values that hold its inputs.
  ///
  /// - Throws: ``PipelineError`` with `invalidInput` if one of either is missing.
  func values(_ wanted: [ValueID], on values: [ValueID: Tensor]) throws -> [Tensor] {
    guard !wanted.isEmpty else { return [] }
    let inputs = try network.inputs.map { try value($0, in: values) }
    let outputs = try plans.withValue { try $0.run(inputs).values }
    return try wanted.map { try value($0, in: outputs) }
  }

  private func value(_ id: ValueID, in values: [ValueID: Tensor]) throws -> Tensor {
    guard let value = values[id] else {
      throw PipelineError(.invalidInput, "there is no value of \(network[id].name)")
    }
    return value
  }
}
