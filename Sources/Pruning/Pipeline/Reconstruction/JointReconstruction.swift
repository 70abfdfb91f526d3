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
/// weights, which rises at first and then falls to nothing as half a wave of the cosine. The network
/// that was nearest on samples held back is returned.
///
/// Reference: Hinton, Vinyals and Dean, "Distilling the Knowledge in a Neural Network", 2015 (section
/// 2.1 for squared differences); Loshchilov and Hutter, ICLR 2017 (the cosine).
struct JointReconstruction {
  let dense: Network
  let steps: Int
  let microBatch: Int
  let runner: NetworkRunner

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
  /// How often the samples held back are looked at.
  private static let looks = 8

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

  /// The network with other weights; as it was where no step brings it nearer.
  ///
  /// - Parameter held: Samples held back, for each input of the network, in chunks.
  /// - Returns: Nil where no layer's gradient can be computed, where networks cannot be halted, and
  ///   without samples.
  /// - Throws: What the backend does; `CancellationError` where the work has been given up.
  func refined(
    _ start: Network, on samples: SampleBlends, held: [[Tensor]]
  ) throws -> Network? {
    guard dense.canBeHalted, samples.samples > 0 else { return nil }
    let layers = try self.layers(of: start)
    guard !layers.isEmpty else { return nil }
    let teacher = Segment(dense, on: runner.backend, microBatch: microBatch)
    let kept = try batches(of: held, through: teacher)
    let factors = factors(of: kept)
    let moving = try self.moving(layers, of: start, on: samples)
    var halves = (0..<2).map { Half($0, layers) }
    var directions = AdamDirections()
    var (current, best) = (start, start)
    var least = try loss(of: start, on: kept, factors)
    let peak = Self.greatestRate * min((least / Self.greatError).squareRoot(), 1)
    for step in 0..<steps {
      try runner.progress.reach(Double(step) / Double(steps))
      let gradients = try self.gradients(
        of: current, layers, on: samples, step: step, teacher, factors, by: &halves)
      let rate = rate(at: step, peak: peak)
      for (moving, direction) in zip(moving, directions.next(gradients)) {
        current.move(moving.layer, by: moving.step(along: direction, rate: rate))
      }
      guard (step + 1) * Self.looks / steps > step * Self.looks / steps else { continue }
      let loss = try loss(of: current, on: kept, factors)
      guard loss.isFinite else { break }
      if loss < least { (best, least) = (current, loss) }
    }
    try runner.progress.reach(1)
    return best
  }

  /// What a fit holds at one time, in bytes, about: for every weight its gradients, two averages, a
  /// direction and the steps; blocks of unfolded positions; and the dense network's outputs.
  func bytes(for network: Network) throws -> Int {
    let targets = keepsTargets ? bytesOfTargets : 0
    return try layers(of: network).reduce(targets) { $0 + Self.bytes(for: $1) }
  }

  private static func bytes(for layer: ConsumerLayer) -> Int {
    let (columns, outputs) = (layer.geometry.columns, layer.geometry.outputs)
    return 8 * 9 * columns * outputs + 16 * 1024 * (columns + outputs)
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
    _ layers: [ConsumerLayer], of network: Network, on samples: SampleBlends
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

  /// A micro-batch, and what the dense network makes of it.
  private struct Batch: Sendable {
    var inputs: [Tensor]
    var targets: [Tensor]
  }

  /// Samples in micro-batches, with what the dense network makes of them.
  private func batches(of chunks: [[Tensor]], through teacher: Segment) throws -> [Batch] {
    let parts = chunks.flatMap { chunk in
      MicroBatches(images: chunk.first?.shape.first ?? 0, size: microBatch).ranges.map { range in
        chunk.map { $0.samples(range) }
      }
    }
    return try runner.map(count: parts.count) {
      Batch(inputs: parts[$0], targets: try outputs(of: teacher, on: parts[$0]))
    }
  }

  private func outputs(of network: Segment, on inputs: [Tensor]) throws -> [Tensor] {
    try network.values(dense.outputs, on: dense.binding(inputs))
  }

  /// By output: what a squared difference is multiplied by to be a share of what there is, so that
  /// all outputs count the same.
  private func factors(of batches: [Batch]) -> [Double] {
    dense.outputs.indices.map { output in
      let power = batches.reduce(0.0) { $0 + Self.maps.power(of: $1.targets[output]) }
      return 1 / ((power > 0 ? power : 1) * Double(dense.outputs.count))
    }
  }

  /// One of two that sum the gradients of half of a step's samples each, whatever the threads, so
  /// that no bit depends on them.
  private struct Half: Sendable {
    let place: Int
    /// By layer.
    var moments: [CrossMoments]
    /// What the dense network makes of the samples met so far, by micro-batch.
    var targets: [[Tensor]] = []

    init(_ place: Int, _ layers: [ConsumerLayer]) {
      self.place = place
      moments = layers.map { CrossMoments(geometry: $0.geometry) }
    }
  }

  /// The loss's gradients by the layers, downhill.
  private func gradients(
    of network: Network, _ layers: [ConsumerLayer], on samples: SampleBlends, step: Int,
    _ teacher: Segment, _ factors: [Double], by halves: inout [Half]
  ) throws -> [LayerStep] {
    let passes = try LayerChanges(
      network, at: layers, on: runner.backend, microBatch: microBatch)
    let count = Self.samplesOfStep / halves.count
    let ranges = MicroBatches(images: count, size: microBatch).ranges
    let different = stepsOfPool
    let gradients = try halves.parallelMap(threads: runner.threads) { _, half in
      let first = step % different * Self.samplesOfStep + half.place * count
      for (batch, range) in ranges.enumerated() {
        try runner.progress.check()
        let inputs = samples.tensors(range.lowerBound + first..<range.upperBound + first)
        let place = step % different * ranges.count + batch
        let targets =
          place < half.targets.count
          ? half.targets[place] : try outputs(of: teacher, on: inputs)
        if place == half.targets.count, keepsTargets { half.targets.append(targets) }
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
  private var keepsTargets: Bool { bytesOfTargets <= Self.mostBytesOfTargets }

  private var bytesOfTargets: Int {
    dense.outputs.reduce(0) { $0 + 4 * dense[$1].shape.elementsPerImage } * stepsOfPool
      * Self.samplesOfStep
  }

  /// The relative squared error.
  private func loss(of network: Network, on batches: [Batch], _ factors: [Double]) throws -> Double
  {
    let segment = Segment(network, on: runner.backend, microBatch: microBatch)
    return try runner.map(count: batches.count) { index in
      let batch = batches[index]
      let ends = try outputs(of: segment, on: batch.inputs)
      return factors.indices.reduce(0.0) {
        $0 + factors[$1] * Self.maps.loss(of: ends[$1], to: batch.targets[$1])
      }
    }.reduce(0, +)
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
