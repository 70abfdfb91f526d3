import Execution
import NetworkGraph
import Recovery
import Tensors

/// Sums the gradients of a pair's loss while samples pass by; for one thread.
final class PairGradient {
  private let pair: LayerPair
  private let forward: SegmentPlan
  /// What takes a change at the pair's end back to the second layer's input.
  private let backward: SegmentPlan
  private var moments: [CrossMoments]

  init(
    _ pair: LayerPair, forward: SegmentPlan, backward: SegmentPlan, moments: [CrossMoments]
  ) {
    (self.pair, self.forward, self.backward) = (pair, forward, backward)
    self.moments = moments
  }

  func add(_ samples: PairReconstruction.Samples) throws {
    guard let input = samples.values[pair.layers[0].input] else { return }
    let values = try forward.values(
      [pair.inner, pair.layers[1].input, pair.end], of: samples.values)
    let residual = pair.endMaps.residual(of: values[2], to: samples.target)
    let change = try backward.values(of: [residual])[0]
    try moments[0].add(input: input, map: pair.innerMaps.gradient(change, at: values[0]))
    try moments[1].add(input: values[1], map: residual)
  }

  /// The sums by layer, and begins anew.
  func finish() throws -> [LayerStep] {
    try moments.indices.map { try moments[$0].finish() }
  }
}

/// A part of a network made ready to run, for one thread.
struct SegmentPlan {
  private let network: Network
  private let plan: any ExecutionPlan

  init(_ network: Network, _ plan: any ExecutionPlan) {
    (self.network, self.plan) = (network, plan)
  }

  /// Some of the outputs for samples of other values.
  func values(_ wanted: [ValueID], of values: [ValueID: Tensor]) throws -> [Tensor] {
    try self.values(wanted, on: network.inputs.compactMap { values[$0] })
  }

  /// The outputs for the inputs, both in the network's order.
  func values(of inputs: [Tensor]) throws -> [Tensor] {
    try values(network.outputs, on: inputs)
  }

  private func values(_ wanted: [ValueID], on inputs: [Tensor]) throws -> [Tensor] {
    let values = try plan.run(inputs).values
    return try wanted.map { id in
      guard let value = values[id] else {
        throw PipelineError(.invalidInput, "no value came back for \(network[id].name)")
      }
      return value
    }
  }
}
