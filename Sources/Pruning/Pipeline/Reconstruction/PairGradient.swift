import NetworkGraph
import Recovery
import Tensors

/// Sums the gradients of a pair's loss while samples pass by; for one thread.
final class PairGradient {
  private let pair: LayerPair
  private let forward: Segment
  /// What takes a change at the pair's end back to the second layer's input.
  private let backward: Segment
  private var moments: [CrossMoments]

  init(
    _ pair: LayerPair, forward: Segment, backward: Segment, moments: [CrossMoments]
  ) {
    (self.pair, self.forward, self.backward) = (pair, forward, backward)
    self.moments = moments
  }

  func add(_ samples: PairReconstruction.Samples) throws {
    guard let input = samples.values[pair.layers[0].input] else { return }
    let values = try forward.values(
      [pair.inner, pair.layers[1].input, pair.end], on: samples.values)
    let residual = pair.endMaps.residual(of: values[2], to: samples.target)
    let change = try backward.values(
      backward.network.outputs, on: [backward.network.inputs[0]: residual])[0]
    try moments[0].add(input: input, map: pair.innerMaps.gradient(change, at: values[0]))
    try moments[1].add(input: values[1], map: residual)
  }

  /// The sums by layer, and begins anew.
  func finish() throws -> [LayerStep] {
    try moments.indices.map { try moments[$0].finish() }
  }
}
