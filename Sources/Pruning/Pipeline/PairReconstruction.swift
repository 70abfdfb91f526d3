import LinearAlgebra
import NetworkGraph
import Recovery
import Tensors

/// Fits two layers together to what the dense network has behind them.
///
/// With few channels left between two layers, the first need not give what the dense layer gave
/// there: what counts is what the second makes of it. The loss
///
///     ‖f(Q) − f(W₂ ∗ g(W₁ ∗ x) + s)‖²
///
/// with f and g the activations and s what is added, is lowered by conjugate gradients. Each
/// layer's gradient is multiplied by the inverse of its input's second moments, as its own least
/// squares would be, and the first layer's besides by the inverse of WᵀW of the second. The step
/// lengths of the two layers come from least squares on how far each moves the outputs.
///
/// What chunks held back say ends it: the weights with the least loss there are kept.
struct PairReconstruction {
  let pair: LayerPair
  /// The layers' own fits.
  let fits: [TargetFit]
  /// Positions of each image that enter a gradient, at most.
  let positions: Int
  let microBatch: Int
  let runner: NetworkRunner

  /// Some samples: what the pair reads, and what the dense network has at its end.
  struct Chunk {
    var values: [ValueID: Tensor]
    var target: Tensor
  }

  /// Chunks from which step lengths are taken, at most.
  private static let searched = 2

  /// The network with other weights of the two layers.
  ///
  /// - Throws: ``RecoveryError`` with `singular`.
  func refined(_ network: Network, on chunks: [Chunk], rounds: Int) throws -> Network {
    let training = chunks.count > 3 ? Array(chunks.dropLast()) : chunks
    let held = chunks.suffix(1)
    var (current, best, least) = (network, network, Double.infinity)
    var directions = ConjugateDirections()
    var stretch = 1.0
    for round in 0...rounds {
      let loss = try held.reduce(0) {
        try $0 + pair.endMaps.residual(of: run(current, [pair.end], on: $1)[0], to: $1.target).loss
      }
      guard loss < least else { break }
      (best, least) = (current, loss)
      guard round < rounds else { break }
      let pass = try gradients(of: current, on: training)
      let steps = [
        try fits[0].step(along: pass.gradients[0], outputMoments: pair.innerMoments(in: current)),
        try fits[1].step(along: pass.gradients[1]),
      ]
      let direction = directions.next(pass.gradients, preconditioned: steps)
      let lengths = try self.lengths(
        direction, of: current, on: Array(training.prefix(Self.searched)), pass.ends,
        stretch: stretch)
      guard lengths.allSatisfy(\.isFinite) else { break }
      for layer in 0...1 { take(direction[layer], times: lengths[layer], layer, in: &current) }
      stretch = min(max(abs(lengths[0]), 0.1), 10)
    }
    return best
  }

  /// The loss's gradients by both layers, downhill; and the ends of the chunks that step lengths
  /// are taken from.
  private func gradients(
    of network: Network, on chunks: [Chunk]
  ) throws -> (gradients: [LayerStep], ends: [Tensor]) {
    var moments = (0...1).map { layer in
      CrossMoments(
        fits[layer], geometry: pair.layers[layer].geometry, positionsPerImage: positions)
    }
    var ends: [Tensor] = []
    let transpose = try pair.transpose(in: network)
    for (place, chunk) in chunks.enumerated() {
      let values = try run(network, [pair.inner, pair.layers[1].input, pair.end], on: chunk)
      let (residual, _) = pair.endMaps.residual(of: values[2], to: chunk.target)
      if place < Self.searched { ends.append(values[2]) }
      let back = try runner.run(
        transpose.network, on: [transpose.input: residual], microBatch: microBatch)
      guard let change = back[transpose.output], let input = chunk.values[pair.layers[0].input]
      else { continue }
      try moments[0].add(input: input, map: pair.innerMaps.gradient(change, at: values[0]))
      try moments[1].add(input: values[1], map: residual)
    }
    return ([try moments[0].finish(), try moments[1].finish()], ends)
  }

  /// How far to go along a direction of each layer.
  private func lengths(
    _ direction: [LayerStep], of network: Network, on chunks: [Chunk], _ ends: [Tensor],
    stretch: Double
  ) throws -> [Double] {
    let trials = [stretch, 1]
    let moved = (0...1).map { layer in
      var moved = network
      take(direction[layer], times: trials[layer], layer, in: &moved)
      return moved
    }
    var lengths = StepLengths(pair.endMaps)
    for (chunk, end) in zip(chunks, ends) {
      lengths.add(
        end, first: try run(moved[0], [pair.end], on: chunk)[0], stretch: stretch,
        second: try run(moved[1], [pair.end], on: chunk)[0], target: chunk.target)
    }
    return lengths.lengths
  }

  private func run(_ network: Network, _ wanted: [ValueID], on chunk: Chunk) throws -> [Tensor] {
    let values = try runner.run(
      pair.segment(of: network, outputs: wanted), on: chunk.values, microBatch: microBatch)
    return try wanted.map { id in
      guard let value = values[id] else {
        throw PipelineError(.invalidInput, "no value came back for \(network[id].name)")
      }
      return value
    }
  }

  /// Adds a step, given behind the layer's normalisation, to its weights and constants.
  private func take(
    _ step: LayerStep, times length: Double, _ place: Int, in network: inout Network
  ) {
    let (layer, factors, mean) = (pair.layers[place], pair.factors[place], fits[place].mean)
    guard var weight = network.constant(layer.weight) else { return }
    let columns = step.weights.columns
    var shift = [Double](repeating: 0, count: factors.count)
    for (output, factor) in factors.enumerated() {
      let scale = length * Double(factor)
      shift[output] = scale * step.constants[output]
      for column in 0..<columns {
        let change = scale * step.weights[output, column]
        weight.elements[output * columns + column] += Float(change)
        shift[output] -= change * mean[column]
      }
    }
    network.replaceWeight(of: layer, with: weight.elements)
    if layer.absorbsMean { network.absorb(shift, in: layer) }
  }
}
