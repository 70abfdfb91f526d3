import Execution
import Foundation
import LinearAlgebra
import NetworkGraph
import Parallelism
import Recovery
import Tensors

/// Trains all layers of a pruned network together to give what the dense network gives at its
/// outputs: distillation, without labels.
///
/// A layer's own fit knows what the layer gave in the dense network, not what its errors become on
/// their way to the end. Here the loss is the squared difference of the outputs,
///
///     mean over outputs of  Σ ‖f(x) − f̂(x)‖² / Σ ‖f(x)‖²
///
/// and every step moves all weights and constants, on other samples and blends of them
/// (``SampleBlends``), along Adam's directions. How far is a share of the size of the layer's
/// weights, which rises at first and then falls to nothing as half a wave of the cosine.
///
/// Steps come in stretches: what a stretch leaves, a network and its ``Momentum``, is all that the
/// next one needs to go on. (The sizes of layers are measured anew where one begins.)
///
/// Reference: Hinton, Vinyals and Dean, "Distilling the Knowledge in a Neural Network", 2015 (section
/// 2.1 for squared differences); Loshchilov and Hutter, ICLR 2017 (the cosine).
struct JointReconstruction {
  let dense: Network
  /// Of all stretches.
  let steps: Int
  let microBatch: Int
  let runner: NetworkRunner
  let samples: SampleBlends
  /// What the dense network makes of the samples, as far as it is known.
  let teacher: TeacherOutputs

  /// Samples that a step's gradient is made from.
  private static let samplesOfStep = 64
  /// Samples that the dense network could be evaluated on in a step's time, about, as measured.
  static let passesOfStep = 192.0
  /// How far a weight goes in a step, about, as a share of the root mean square of its layer's:
  /// the nearer the start, the less, for what steps owe to chance costs as much as their square.
  private static let greatestRate = 0.01
  /// The relative squared error of the start from which it is as much.
  private static let greatError = 0.1
  /// Steps until it goes as far as that, at most.
  private static let warmup = 20
  /// How often a sample is met. It is the dense network that takes most of a step, and three
  /// meetings teach as much as three samples.
  private static let meetings = 3
  /// Of the dense network's outputs, which are kept between meetings.
  private static let mostBytesOfTargets = 1 << 28
  /// What all layers that move may take, in bytes: where it is more, the largest stay as they are.
  private static let mostBytesOfLayers = 3 << 29
  /// Into which all steps are divided: what is lost when a worker dies is one of them.
  private static let stretches = 8

  /// A layer whose weights move.
  private struct MovingLayer {
    var layer: ConsumerLayer
    /// The root mean square of its weights.
    var size: Double
    /// That of its input: a constant is the weight of a channel that is always as great.
    var input: Double

    /// What is added along a direction, whose elements are rarely more than 1.
    func step(along direction: LayerStep, rate: Double) -> LayerStep {
      let weights = direction.times(rate * size)
      return LayerStep(weights: weights.weights, constants: weights.constants.map { input * $0 })
    }
  }

  /// The stretches that some steps are made in.
  static func stretches(of steps: Int) -> [Range<Int>] {
    let count = max(min(stretches, steps), 0)
    return (0..<count).map { steps * $0 / count..<steps * ($0 + 1) / count }
  }

  /// Whether there are layers that can be trained, and samples.
  func canTrain(_ network: Network) throws -> Bool {
    try dense.canBeHalted && samples.samples > 0 && !layers(of: network).isEmpty
  }

  /// What the first step begins with.
  ///
  /// - Parameter error: The relative squared error of the start.
  func momentum(for error: Double) -> Momentum {
    Momentum(rate: Self.greatestRate * min((error / Self.greatError).squareRoot(), 1))
  }

  /// The network that some of the steps lead to.
  ///
  /// - Throws: What the backend does; ``PipelineError`` with `corruptArtifact` for a momentum of
  ///   other layers; `CancellationError` where the work has been given up.
  func trained(
    _ start: Network, by stretch: Range<Int>, _ momentum: inout Momentum, _ judges: Judges
  ) throws -> Network {
    let layers = try self.layers(of: start)
    let counts = layers.map { [$0.geometry.columns * $0.geometry.outputs, $0.geometry.outputs] }
    guard stretch.lowerBound == 0 || momentum.directions.counts == counts else {
      throw PipelineError(.corruptArtifact, "averages of other layers' gradients")
    }
    let moving = try self.moving(layers, of: start)
    let dense = Segment(dense, on: runner.backend, microBatch: microBatch)
    var halves = (0..<2).map { Half($0, layers) }
    var network = start
    for step in stretch {
      try runner.progress.reach(Double(step - stretch.lowerBound) / Double(stretch.count))
      let gradients = try self.gradients(
        of: network, layers, step: step, dense, judges.factors, by: &halves)
      let rate = rate(at: step, peak: momentum.rate)
      for (moving, direction) in zip(moving, momentum.directions.next(gradients)) {
        network.move(moving.layer, by: moving.step(along: direction, rate: rate))
      }
    }
    try runner.progress.reach(1)
    return network
  }

  /// What a stretch holds at one time, in bytes, about, besides the dense network's outputs: for
  /// every weight its gradients, two averages, a direction and the steps; blocks of unfolded
  /// positions.
  func bytes(for network: Network) throws -> Int {
    try layers(of: network).reduce(0) { $0 + Self.bytes(for: $1) }
  }

  private static func bytes(for layer: ConsumerLayer) -> Int {
    let (columns, outputs) = (layer.geometry.columns, layer.geometry.outputs)
    return 9 * 8 * columns * outputs + 4 * 1024 * (columns + outputs)
  }

  private func rate(at step: Int, peak: Double) -> Double {
    let wave = (1 + cos(.pi * Double(step) / Double(steps))) / 2
    let warmup = max(min(Self.warmup, steps / 4), 1)
    return peak * wave * min(Double(step + 1) / Double(warmup), 1)
  }

  /// Layers that a change at the outputs can be taken back to.
  private func layers(of network: Network) throws -> [ConsumerLayer] {
    let own = network.fittableLayers().filter { network.nodes[$0.node].operation.isPlain }
    let gradients = try Pullback(of: network, to: own.map { network.nodes[$0.node].output })
      .gradients
    let reached = own.filter { gradients[network.nodes[$0.node].output] != nil }
    var held = 0
    let fitting = reached.sorted { Self.bytes(for: $0) < Self.bytes(for: $1) }.prefix {
      held += Self.bytes(for: $0)
      return held <= Self.mostBytesOfLayers
    }
    let nodes = Set(fitting.map(\.node))
    return reached.filter { nodes.contains($0.node) }
  }

  /// The layers with their sizes, on a few samples.
  private func moving(
    _ layers: [ConsumerLayer], of network: Network
  ) throws -> [MovingLayer] {
    let values = try LayerChanges(
      network, at: layers, on: runner.backend, microBatch: microBatch
    ).values(samples.tensors(0..<microBatch))
    return layers.map { layer in
      MovingLayer(
        layer: layer, size: network.constant(layer.weight)?.elements.rootMeanSquare ?? 0,
        input: values[layer.input]?.elements.rootMeanSquare ?? 0)
    }
  }

  /// Of the dense network, or of one whose places are others.
  func outputs(of segment: Segment, on inputs: [Tensor]) throws -> [Tensor] {
    try segment.values(segment.network.outputs, on: segment.network.binding(inputs))
  }

  /// One of two that sum the gradients of half of a step's samples each, whatever the threads, so
  /// that no bit depends on them.
  private struct Half: Sendable {
    let place: Int
    /// By layer.
    var moments: [CrossMoments]

    init(_ place: Int, _ layers: [ConsumerLayer]) {
      self.place = place
      moments = layers.map { CrossMoments(geometry: $0.geometry) }
    }
  }

  /// The loss's gradients by the layers, downhill.
  private func gradients(
    of network: Network, _ layers: [ConsumerLayer], step: Int, _ dense: Segment,
    _ factors: [Double], by halves: inout [Half]
  ) throws -> [LayerStep] {
    let passes = try LayerChanges(
      network, at: layers, on: runner.backend, microBatch: microBatch)
    let count = Self.samplesOfStep / halves.count
    let ranges = MicroBatches(images: count, size: microBatch).ranges
    let first = step % stepsOfPool * Self.samplesOfStep
    let gradients = try halves.parallelMap(threads: runner.threads) { _, half in
      for range in ranges {
        try runner.progress.check()
        let place = first + half.place * count + range.lowerBound
        let inputs = samples.tensors(place..<place + range.count)
        let targets =
          try keepsTargets
          ? teacher.outputs(at: place) { try outputs(of: dense, on: inputs) }
          : outputs(of: dense, on: inputs)
        try passes.pass(inputs) { outputs in
          outputs.indices.map { index in
            Self.maps.residual(of: outputs[index], to: targets[index])
              .scaled(by: Float(factors[index]))
          }
        } body: { layer, input, change in
          try half.moments[layer].add(input: input, map: change)
        }
        runner.progress.add(images: range.count)
      }
      return try half.moments.indices.map { try half.moments[$0].finish() }
    }
    return gradients[0].adding(gradients[1], times: 1)
  }

  /// Steps until the same samples are met again. The dense network is then not asked again.
  private var stepsOfPool: Int { max((steps + Self.meetings - 1) / Self.meetings, 1) }

  /// Whether there is room for what the dense network makes of the samples.
  private var keepsTargets: Bool { bytesOfAllTargets <= Self.mostBytesOfTargets }

  private var bytesOfAllTargets: Int {
    dense.bytesPerSample(of: dense.outputs) * stepsOfPool * Self.samplesOfStep
  }

  /// What the ``teacher`` comes to know, in bytes.
  var bytesOfTargets: Int { keepsTargets ? bytesOfAllTargets : 0 }

  /// Nothing hides what the outputs are.
  static let maps = ClampedMaps(lower: -.infinity, upper: .infinity)
}

extension Operator {
  /// Whether weights alone make the output, without a factor.
  fileprivate var isPlain: Bool {
    if case .gemm(let gemm) = self { gemm.alpha == 1 } else { true }
  }
}

extension [Float] {
  fileprivate var rootMeanSquare: Double {
    (reduce(0.0) { $0 + Double($1 * $1) } / Double(Swift.max(count, 1))).squareRoot()
  }
}

extension Tensor {
  fileprivate func scaled(by factor: Float) -> Tensor {
    factor == 1 ? self : Tensor(shape: shape, elements: elements.map { factor * $0 })
  }
}
