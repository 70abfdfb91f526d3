import LinearAlgebra
import NetworkGraph
import Parallelism
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
/// What a chunk held back says ends it: the weights with the least loss there are kept.
///
/// What a convolution does at a position, the next one reads around it: so a gradient computes whole
/// images, where the fit of one layer takes a few positions of each. In return it takes fewer of
/// them; see ``samplesOfChunk(for:)``.
struct PairReconstruction {
  let pair: LayerPair
  /// Of the layers' own fits.
  let curvatures: [InputCurvature]
  /// Positions of all samples together that enter a gradient, about.
  let positions: Int
  let microBatch: Int
  let runner: NetworkRunner

  /// A micro-batch: what the pair reads, and what the dense network has at its end.
  struct Samples: Sendable {
    var values: [ValueID: Tensor]
    var target: Tensor
  }

  /// How many samples of a chunk are enough: those with 4,096 positions, but no fewer than sixteen.
  static func samplesOfChunk(for pair: LayerPair) -> Int {
    max(4096 / max(pair.layers[1].geometry.positions, 1), 16)
  }

  /// Whether so many samples are enough to tell what the layers could do better together than each
  /// by itself. With 40 positions for every column not one of 27 pairs of layers of ResNet-56 became
  /// better, with 85 every other one, and with more all of them.
  static func pays(for pair: LayerPair, samples: Int) -> Bool {
    let columns = pair.layers.map(\.geometry.columns).max() ?? 0
    return samples * pair.layers[1].geometry.positions >= 64 * columns
  }

  /// The network with other weights of the two layers; nil where none are better.
  ///
  /// - Parameter chunks: Micro-batches that take part, by chunk.
  /// - Throws: ``RecoveryError`` with `singular`.
  func refined(_ network: Network, on chunks: [[Samples]], rounds: Int) throws -> Network? {
    let training = chunks.count > 3 ? Array(chunks.dropLast()) : chunks
    guard let held = chunks.last else { return nil }
    let power = held.reduce(0) { $0 + pair.endMaps.power(of: $1.target) }
    // Two numbers are told by one chunk as by many.
    let searched = training[0]
    var current = network
    var best: Network?
    var least = try loss(of: network, on: held)
    guard least > LayerFit.negligibleError * power else { return nil }
    // A step may miss, for its length is an estimate; two in a row say that the rounds are through.
    var missed = 0
    var directions = ConjugateDirections()
    var stretch = 1.0
    for _ in 0..<rounds {
      let gradients = try self.gradients(of: current, on: training)
      let steps = [
        try curvatures[0].step(along: gradients[0], outputMoments: pair.innerMoments(in: current)),
        try curvatures[1].step(along: gradients[1]),
      ]
      let direction = directions.next(gradients, preconditioned: steps)
      let lengths = try self.lengths(direction, of: current, on: searched, stretch: stretch)
      guard lengths.allSatisfy(\.isFinite) else { break }
      for layer in 0...1 { take(direction[layer], times: lengths[layer], layer, in: &current) }
      stretch = min(max(abs(lengths[0]), 0.1), 10)
      let loss = try loss(of: current, on: held)
      if loss < least {
        (best, least, missed) = (current, loss, 0)
      } else {
        missed += 1
      }
      guard missed < 2 else { break }
    }
    return best
  }

  private func loss(of network: Network, on samples: [Samples]) throws -> Double {
    let segment = segment(pair.segment(of: network, outputs: [pair.end]))
    return try runner.map(count: samples.count) { index in
      let end = try segment.values([pair.end], on: samples[index].values)[0]
      return pair.endMaps.loss(of: end, to: samples[index].target)
    }.reduce(0, +)
  }

  /// The loss's gradients by both layers, downhill.
  private func gradients(of network: Network, on chunks: [[Samples]]) throws -> [LayerStep] {
    let forward = segment(
      pair.segment(of: network, outputs: [pair.inner, pair.layers[1].input, pair.end]))
    let backward = segment(try pair.transpose(in: network))
    let samples = chunks.joined().reduce(0) { $0 + $1.target.shape[0] }
    // A chunk's sums do not depend on who makes those of the others.
    let parts = try parallelMap(
      count: chunks.count, threads: runner.threads,
      state: {
        PairGradient(
          pair, forward: forward, backward: backward,
          moments: pair.layers.indices.map {
            CrossMoments(
              curvatures[$0], geometry: pair.layers[$0].geometry,
              positionsPerImage: max(positions / max(samples, 1), 1))
          })
      },
      body: { gradient, index in
        for samples in chunks[index] { try gradient.add(samples) }
        return try gradient.finish()
      })
    return parts.dropFirst().reduce(parts[0]) { $0.adding($1, times: 1) }
  }

  /// How far to go along a direction of each layer.
  private func lengths(
    _ direction: [LayerStep], of network: Network, on samples: [Samples], stretch: Double
  ) throws -> [Double] {
    let trials = [0, stretch, 1]
    let segments = trials.enumerated().map { index, trial in
      var moved = network
      if index > 0 { take(direction[index - 1], times: trial, index - 1, in: &moved) }
      return segment(pair.segment(of: moved, outputs: [pair.end]))
    }
    let parts = try runner.map(count: samples.count) { index in
      let part = samples[index]
      let ends = try segments.map { try $0.values([pair.end], on: part.values)[0] }
      var lengths = StepLengths(pair.endMaps)
      lengths.add(ends[0], first: ends[1], stretch: stretch, second: ends[2], target: part.target)
      return lengths
    }
    return parts.dropFirst().reduce(parts[0]) { $0.adding($1) }.lengths
  }

  private func segment(_ network: Network) -> Segment {
    Segment(network, on: runner.backend, microBatch: microBatch, order: ConsumerLayer.order)
  }

  /// Adds a step, given behind the layer's normalisation, to its weights and constants.
  private func take(
    _ step: LayerStep, times length: Double, _ place: Int, in network: inout Network
  ) {
    network.move(
      pair.layers[place], by: step, times: length, mean: curvatures[place].mean,
      factors: pair.factors[place])
  }
}
