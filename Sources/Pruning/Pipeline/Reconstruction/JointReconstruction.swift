import Execution
import LinearAlgebra
import NetworkGraph
import Parallelism
import Recovery
import Tensors

/// Fits all layers of a pruned network together to what the dense network gives at its outputs.
///
/// A layer's own fit knows what the layer gave in the dense network, not what its errors become on
/// their way to the end. Here the loss is the squared difference of the outputs,
///
///     Σ_outputs ‖f(x) − f̂(x)‖² / mean ‖f‖²
///
/// and every round makes one step of all weights and constants: each layer's gradient, multiplied by
/// the inverse of its curvature as a Kronecker product (second moments of its input, and of what
/// random signs at the end are at its output). How far to go along it, and how much of the last step
/// to repeat, is the least squares of how far either moves the outputs, on other samples.
///
/// Samples are used up quickly where so many weights move at once; so they are followed by blends
/// of two samples (``SampleBlends``). What samples held back say ends it: the network that was
/// nearest there is returned.
///
/// Reference: Martens & Grosse, "Optimizing Neural Networks with Kronecker-factored Approximate
/// Curvature", ICML 2015 (section 7 for the lengths).
struct JointReconstruction {
  let dense: Network
  let rounds: Int
  /// λ of the curvatures over the mean of the diagonal of their input's second moments.
  let relativeDamping: Double
  /// Positions of each image that enter a curvature; gradients take four times as many.
  let positions: Int
  let microBatch: Int
  let runner: NetworkRunner

  /// Samples that a round's gradient is made from; half as many say how far to go.
  private static let samplesOfRound = 448
  /// Samples that the dense network could be evaluated on in a round's time, about, as measured.
  static let passesOfRound = 1120.0
  /// Samples that curvatures are measured on, at most.
  private static let samplesOfCurvature = 512
  /// Rounds between two looks at the samples held back.
  private static let roundsBetweenLooks = 4
  /// Looks that may find nothing better before it ends.
  private static let patience = 3
  /// A layer that reads more has no curvature here: its weights stay.
  private static let mostColumns = 2304

  /// A micro-batch, and what the dense network makes of it.
  private struct Batch: Sendable {
    var source: SampleBlends
    var range: Range<Int>
    var targets: [Tensor]

    /// The samples, by input: made when they are needed, because blends outnumber samples.
    var inputs: [Tensor] { source.tensors(range) }
  }

  /// A layer whose weights move, and how much they count.
  private struct Part {
    var layer: ConsumerLayer
    var inputs: InputCurvature
    var outputs: Matrix

    /// The step that the curvature makes of a gradient.
    func step(along gradient: LayerStep) throws -> LayerStep {
      // Moments of the input are sums over positions; of the output, over all that count.
      try inputs.step(along: gradient, outputMoments: outputs).times(Double(inputs.positions))
    }
  }

  /// The network with other weights.
  ///
  /// - Parameter held: Samples held back.
  /// - Returns: Nil where no layer's gradient can be computed.
  /// - Throws: ``RecoveryError`` with `singular`.
  func refined(_ start: Network, on blends: SampleBlends, held: SampleBlends) throws -> Network? {
    guard dense.canBeHalted, blends.samples > 0 else { return nil }
    let layers = try self.layers(of: start)
    guard !layers.isEmpty else { return nil }
    let plain = Segment(dense, on: runner.backend, microBatch: microBatch)
    let wanted = Self.samplesOfCurvature + rounds * Self.samplesOfRound * 3 / 2
    let batches = try self.batches(of: blends, first: wanted, through: plain)
    let kept = try self.batches(of: held, first: held.count, through: plain)
    let weights = weights(of: batches)
    let parts = try self.parts(
      of: start, layers, on: Array(batches.prefix(count(Self.samplesOfCurvature))), weights)
    var (current, best) = (start, start)
    var least = try loss(of: start, on: kept, weights)
    var lastStep: [LayerStep]?
    var way = AveragedWay()
    var (stretch, missed, place) = (0.0, 0, 0)
    func next(_ samples: Int) -> [Batch] {
      defer { place += count(samples) }
      return (0..<count(samples)).map { batches[(place + $0) % batches.count] }
    }
    for round in 1...max(rounds, 1) {
      try runner.progress.reach(Double(round - 1) / Double(max(rounds, 1)))
      let gradients = try self.gradients(
        of: current, parts, on: next(Self.samplesOfRound), weights)
      let direction = try zip(parts, gradients).map { try $0.step(along: $1) }
      if stretch == 0 { stretch = 0.01 * current.size(of: layers) / max(direction.size, 1e-30) }
      let lengths = try self.lengths(
        along: direction, stretch: stretch, repeating: lastStep, from: current, parts,
        on: next(Self.samplesOfRound / 2), weights)
      guard lengths.allSatisfy(\.isFinite) else { break }
      var step = direction.map { $0.times(lengths[0]) }
      if let lastStep { step = step.adding(lastStep, times: lengths[1]) }
      current = moved(current, parts, by: step)
      lastStep = step
      way.go(step)
      stretch = min(max(abs(lengths[0]), 0.1 * stretch), 10 * stretch)
      guard round % Self.roundsBetweenLooks == 0 || round == rounds else { continue }
      missed += 1
      for candidate in [current, moved(start, parts, by: way.average)] {
        let loss = try loss(of: candidate, on: kept, weights)
        if loss < least { (best, least, missed) = (candidate, loss, 0) }
      }
      if missed == Self.patience { break }
    }
    try runner.progress.reach(1)
    return best
  }

  /// What a fit holds at one time, in bytes, about: two sums of second moments, the curvatures that
  /// come of them, and for every weight its gradients, its step and the places on the way.
  func bytes(for network: Network) throws -> Int {
    try layers(of: network).reduce(0) { sum, layer in
      let (columns, outputs) = (layer.geometry.columns, layer.geometry.outputs)
      return sum + 8 * (3 * columns * columns + 3 * outputs * outputs + 8 * columns * outputs)
    }
  }

  /// Where rounds have led to, and the average of all places on the way.
  ///
  /// The t-th place has a weight that grows like t³: each step follows the samples of its round, and
  /// the average follows what they have in common.
  ///
  /// Reference: Shamir and Zhang, ICML 2013 (polynomial-decay averaging, η = 3).
  private struct AveragedWay {
    private var place: [LayerStep] = []
    private(set) var average: [LayerStep] = []
    private var rounds = 0.0

    mutating func go(_ step: [LayerStep]) {
      rounds += 1
      place = place.isEmpty ? step : place.adding(step, times: 1)
      let share = 4 / (rounds + 3)
      average =
        average.isEmpty
        ? place : average.map { $0.times(1 - share) }.adding(place, times: share)
    }
  }

  /// Layers that a change at the outputs can be taken back to.
  private func layers(of network: Network) throws -> [ConsumerLayer] {
    let own = network.fittableLayers().filter { layer in
      layer.geometry.columns <= Self.mostColumns && network.nodes[layer.node].operation.isPlain
    }
    let gradients = try Pullback(of: network, to: own.map { network.nodes[$0.node].output })
      .gradients
    return own.filter { gradients[network.nodes[$0.node].output] != nil }
  }

  /// Micro-batches that so many samples are.
  private func count(_ samples: Int) -> Int { max(samples / microBatch, 1) }

  /// The first samples in micro-batches, with what the dense network makes of them.
  private func batches(
    of samples: SampleBlends, first count: Int, through dense: Segment
  ) throws -> [Batch] {
    let ranges = MicroBatches(images: min(count, samples.count), size: microBatch).ranges
    return try runner.map(count: ranges.count) {
      var batch = Batch(source: samples, range: ranges[$0], targets: [])
      batch.targets = try outputs(of: dense, on: batch)
      return batch
    }
  }

  private func outputs(of network: Segment, on batch: Batch) throws -> [Tensor] {
    try network.values(dense.outputs, on: dense.binding(batch.inputs))
  }

  /// By output: what its squares are divided by, so that all outputs count the same.
  private func weights(of batches: [Batch]) -> [Double] {
    dense.outputs.indices.map { output in
      let squares = batches.reduce(0.0) {
        $1.targets[output].elements.reduce($0) { $0 + Double($1 * $1) }
      }
      let samples = batches.reduce(0) { $0 + $1.range.count }
      return squares > 0 ? Double(samples) / squares : 1
    }
  }

  /// Calls `body` for every half of some micro-batches, whatever the threads, so that sums do not
  /// depend on them.
  private func halves<Value: Sendable>(
    of batches: [Batch], body: @Sendable (_ half: Int, [Batch]) throws -> Value
  ) throws -> [Value] {
    let ranges = MicroBatches(images: batches.count, size: max((batches.count + 1) / 2, 1)).ranges
    return try runner.map(count: ranges.count) {
      try body($0, Array(batches[ranges[$0]]))
    }
  }

  private func passes(_ network: Network, _ layers: [ConsumerLayer]) throws -> LayerChanges {
    try LayerChanges(network, at: layers, on: runner.backend, microBatch: microBatch)
  }

  /// The layers with their curvatures.
  private func parts(
    of network: Network, _ layers: [ConsumerLayer], on batches: [Batch], _ weights: [Double]
  ) throws -> [Part] {
    let passes = try passes(network, layers)
    let sums = try halves(of: batches) { half, batches in
      var grams = layers.map {
        GramCollector(geometry: $0.geometry, positionsPerImage: positions)
      }
      var moments = layers.map { OutputMoments(outputs: $0.geometry.outputs) }
      for (place, batch) in batches.enumerated() {
        try runner.progress.check()
        try passes.pass(batch.inputs) { outputs in
          zip(outputs, weights).enumerated().map { index, output in
            OutputMoments.signs(
              like: output.0, seed: (half * 1000 + place) * weights.count + index
            ).scaled(by: Float(output.1.squareRoot()))
          }
        } body: { layer, input, change in
          try grams[layer].add(input: input)
          moments[layer].add(change)
        }
      }
      return try (grams.indices.map { try grams[$0].finish() }, moments)
    }
    return try layers.enumerated().map { index, layer in
      var (gram, moments) = (sums[0].0[index], sums[0].1[index])
      for half in sums.dropFirst() {
        try gram.add(half.0[index])
        moments.add(half.1[index])
      }
      return Part(
        layer: layer,
        inputs: try InputCurvature(
          layer.name, gram: gram, centred: layer.absorbsMean, relativeDamping: relativeDamping),
        outputs: moments.matrix)
    }
  }

  /// The loss's gradients by the layers, downhill.
  private func gradients(
    of network: Network, _ parts: [Part], on batches: [Batch], _ weights: [Double]
  ) throws -> [LayerStep] {
    let passes = try passes(network, parts.map(\.layer))
    let sums = try halves(of: batches) { _, batches in
      var moments = parts.map {
        CrossMoments($0.inputs, geometry: $0.layer.geometry, positionsPerImage: 4 * positions)
      }
      for batch in batches {
        try runner.progress.check()
        try passes.pass(batch.inputs) { outputs in
          outputs.indices.map { index in
            Self.maps.residual(of: outputs[index], to: batch.targets[index])
              .scaled(by: Float(weights[index]))
          }
        } body: { layer, input, change in
          try moments[layer].add(input: input, map: change)
        }
      }
      return try moments.indices.map { try moments[$0].finish() }
    }
    return sums.dropFirst().reduce(sums[0]) { $0.adding($1, times: 1) }
  }

  /// How far to go along a direction, and how much of the last step to repeat.
  private func lengths(
    along direction: [LayerStep], stretch: Double, repeating lastStep: [LayerStep]?,
    from network: Network, _ parts: [Part], on batches: [Batch], _ weights: [Double]
  ) throws -> [Double] {
    let trials = [
      network, moved(network, parts, by: direction, times: stretch),
      lastStep.map { moved(network, parts, by: $0) } ?? network,
    ]
    let segments = trials.map { Segment($0, on: runner.backend, microBatch: microBatch) }
    let sums = try runner.map(count: batches.count) { index in
      let batch = batches[index]
      let ends = try segments.map { try outputs(of: $0, on: batch) }
      var lengths = StepLengths(Self.maps)
      for (output, weight) in weights.enumerated() {
        let scale = Float(weight.squareRoot())
        let end = ends.map { $0[output].scaled(by: scale) }
        lengths.add(
          end[0], first: end[1], stretch: stretch, second: end[2],
          target: batch.targets[output].scaled(by: scale))
      }
      return lengths
    }
    return sums.dropFirst().reduce(sums[0]) { $0.adding($1) }.lengths
  }

  private func loss(of network: Network, on batches: [Batch], _ weights: [Double]) throws -> Double
  {
    let segment = Segment(network, on: runner.backend, microBatch: microBatch)
    return try runner.map(count: batches.count) { index in
      let batch = batches[index]
      let ends = try outputs(of: segment, on: batch)
      return weights.indices.reduce(0.0) {
        $0 + weights[$1] * Self.maps.loss(of: ends[$1], to: batch.targets[$1])
      }
    }.reduce(0, +)
  }

  private func moved(
    _ network: Network, _ parts: [Part], by step: [LayerStep], times length: Double = 1
  ) -> Network {
    var result = network
    for (part, step) in zip(parts, step) {
      result.move(part.layer, by: step, times: length, mean: part.inputs.mean)
    }
    return result
  }

  /// Nothing hides what the outputs are.
  private static let maps = ClampedMaps(lower: -.infinity, upper: .infinity)
}

extension Operator {
  /// Whether weights alone make the output, without a factor.
  fileprivate var isPlain: Bool {
    if case .gemm(let gemm) = self { gemm.alpha == 1 } else { true }
  }
}

extension Network {
  /// The root of the sum of squares of the layers' weights.
  fileprivate func size(of layers: [ConsumerLayer]) -> Double {
    layers.reduce(0.0) {
      (constant($1.weight)?.elements ?? []).reduce($0) { $0 + Double($1 * $1) }
    }.squareRoot()
  }
}

extension [LayerStep] {
  /// The root of the sum of squares of all weights.
  fileprivate var size: Double {
    reduce(0.0) { $1.weights.elements.reduce($0) { $0 + $1 * $1 } }.squareRoot()
  }
}

extension Tensor {
  fileprivate func scaled(by factor: Float) -> Tensor {
    factor == 1 ? self : Tensor(shape: shape, elements: elements.map { factor * $0 })
  }
}
