import Datasets
import Execution
import NetworkGraph
import Parallelism
import Recovery
import Surgery
import Tensors

/// Fits the layers of a pruned network again, one after the other.
///
/// Each layer is given the input that the network pruned so far gives it, and what it gave in the
/// dense network as its target: so a layer repairs what those before it have lost. A layer whose
/// output is added to a shortcut repairs the shortcut's loss, too. The fit leans towards weights
/// from the single pass, which saw more of the dense network's input.
///
/// Reference: He, Zhang & Sun, "Channel Pruning for Accelerating Very Deep Neural Networks", ICCV
/// 2017, sections 3.2 and 3.3.
struct SequentialReconstruction {
  let dense: Network
  /// The dense network without the channels that go.
  let pruned: Network
  /// The same after the single pass: where the fit leans to.
  let prior: Network
  /// By axis that lost channels: those kept.
  let kept: [AxisID: [Int]]
  /// λ over the mean of the diagonal of the input's second moments.
  let relativeDamping: Double
  /// Positions of each image that enter a fit, at most.
  let positions: Int
  /// Alternations that fit what a layer's activation lets through; 0 for its output as it is.
  let clampSteps: Int
  /// How many times the error of an image's mean counts besides that of its positions.
  let meanWeight: Int
  /// Rounds that fit pairs of layers together; 0 for none.
  let pairRounds: Int

  /// Both networks, halted at the same layer, for the samples of one micro-batch: what passes
  /// between layers is then never cut or joined, and stays in a cache.
  private struct Batch {
    /// Of the samples that came together; the last chunk may be held back.
    var chunk: Int
    /// Samples of its chunk that come before.
    var first: Int
    var ours: Frontier
    var theirs: Frontier
  }

  /// A layer that has its weights, and the pruned network halted before it, by micro-batch.
  private struct Fitted {
    var layer: ConsumerLayer
    var output: LayerOutput
    var fit: TargetFit
    var frontiers: [Frontier]
  }

  /// A layer whose turn it is.
  private struct Step {
    var layer: ConsumerLayer
    var output: LayerOutput
    /// What the layer's own output holds.
    var constant: LayerTarget.Constant
    /// The layer with the one before, where they are fitted together.
    var couple: LayerPair?
    /// The pruned network up to the layer, and the dense one from it to the next.
    var before: Stretch
    var behind: Stretch
  }

  /// What a micro-batch tells about a layer.
  private struct Evidence {
    var batch: Batch
    var input: Tensor
    var target: LayerTarget
    /// What the dense network has behind the layer, if it is the second of a pair and the batch
    /// takes part.
    var end: Tensor?
  }

  /// The pruned network with fitted layers, and the names of those that could not be fitted: they
  /// have the weights of the single pass.
  ///
  /// - Parameter chunks: Inputs of the network, in its order, by chunk of samples.
  func fitted(
    on chunks: [[Tensor]], with runner: NetworkRunner, microBatch: Int
  ) throws -> (network: Network, unfitted: [String]) {
    var result = pruned
    var unfitted: [String] = []
    let layers = self.layers
    guard !layers.isEmpty, dense.canBeHalted else { return (prior, []) }
    let (consumers, producers) = (pruned.consumers(), pruned.producers())
    func stretch(of network: Network, _ range: Range<Int>, taps: [ValueID] = []) -> Stretch {
      Stretch(of: network, range, taps: taps, on: runner.backend, microBatch: microBatch)
    }
    var halted = layers[0].node
    var batches = try self.batches(
      of: chunks, size: microBatch, head: stretch(of: pruned, 0..<halted),
      denseHead: stretch(of: dense, 0..<halted), threads: runner.threads)
    // A few at a time, so that little is held of what only one step reads.
    let waves = MicroBatches(images: batches.count, size: 4 * runner.threads).ranges
    let samples = chunks.reduce(0) { $0 + ($1.first?.shape.first ?? 0) }
    var last: Fitted?
    for (index, layer) in layers.enumerated() {
      // Nobody needs what comes after the last layer.
      let next = index + 1 < layers.count ? layers[index + 1].node : layer.node + 1
      let output = LayerOutput(
        of: layer, in: pruned, consumers: consumers,
        known: Set(pruned.liveValues(before: layer.node)))
      let couple =
        pairRounds == 0
        ? nil
        : last.flatMap {
          LayerPair(
            ($0.layer, $0.output), (layer, output), in: pruned, consumers: consumers,
            producers: producers)
        }
      let step = Step(
        layer: layer, output: output, constant: ownBias(of: layer), couple: couple,
        before: stretch(of: result, halted..<layer.node),
        behind: stretch(
          of: dense, layer.node..<next,
          taps: [dense.nodes[layer.node].output] + (couple.map { [$0.end] } ?? [])))
      halted = layer.node
      var fit = LayerFit(
        layer.name, geometry: layer.geometry, clamp: clampSteps > 0 ? output.clamp : nil,
        hasShortcut: output.shortcut != nil, positionsPerImage: positions,
        meanWeight: meanWeight)
      var ends: [[PairReconstruction.Samples]] = chunks.map { _ in [] }
      for some in waves {
        let wave = Array(batches[some])
        let evidence = try parallelMap(count: wave.count, threads: runner.threads) {
          try self.evidence(on: step, from: wave[$0])
        }
        for (place, evidence) in zip(some, evidence) {
          guard let evidence else { return (prior, []) }
          batches[place] = evidence.batch
          if let end = evidence.end, let couple, let first = last {
            ends[evidence.batch.chunk].append(
              PairReconstruction.Samples(
                values: first.frontiers[place].values.filter { couple.inputs.contains($0.key) },
                target: end))
          }
          try fit.add(
            input: layer.arranged(evidence.input),
            target: layer.arranged(evidence.target.target), shortcut: evidence.target.shortcut)
        }
      }
      do {
        let own = try result.fit(
          layer, &fit, prior: prior, relativeDamping: relativeDamping,
          inputs: batches.compactMap { $0.ours.values[layer.input] }, clampSteps: clampSteps)
        if let couple, let first = last, let own {
          let both = PairReconstruction(
            pair: couple, curvatures: [first.fit.curvature, own.curvature],
            positions: positions * samples,
            microBatch: microBatch, runner: runner)
          result = try both.refined(result, on: ends, rounds: pairRounds)
          // The first layer has other weights: what follows it is computed again.
          let again = stretch(of: result, first.layer.node..<layer.node)
          for some in waves {
            let frontiers = try Array(first.frontiers[some]).advanced(
              along: again, threads: runner.threads)
            for (place, frontier) in zip(some, frontiers) { batches[place].ours = frontier }
          }
        }
        last = own.map {
          Fitted(
            layer: layer, output: output, fit: $0,
            frontiers: pairRounds > 0 ? batches.map(\.ours) : [])
        }
      } catch let error as RecoveryError where error.code == .singular {
        result.take(layer, from: prior)
        unfitted.append(layer.name)
        last = nil
      }
    }
    return (result, unfitted)
  }

  /// Both networks halted before the first layer.
  private func batches(
    of chunks: [[Tensor]], size: Int, head: Stretch, denseHead: Stretch, threads: Int
  ) throws -> [Batch] {
    let places = chunks.enumerated().flatMap { place, inputs in
      MicroBatches(images: inputs.first?.shape.first ?? 0, size: size).ranges.map { (place, $0) }
    }
    return try parallelMap(count: places.count, threads: threads) { index in
      let (place, range) = places[index]
      let inputs = chunks[place].map { $0.samples(range) }
      var batch = Batch(
        chunk: place, first: range.lowerBound, ours: Frontier(pruned, inputs: inputs),
        theirs: Frontier(dense, inputs: inputs))
      try batch.ours.advance(along: head)
      try batch.theirs.advance(along: denseHead)
      return batch
    }
  }

  /// Takes both networks to a layer, and the dense one past it; nil if a value is missing.
  private func evidence(on step: Step, from batch: Batch) throws -> Evidence? {
    var batch = batch
    let output = step.output
    try batch.ours.advance(along: step.before)
    let theirs = output.shortcut.flatMap { batch.theirs.values[$0] }
    let own = output.shortcut.flatMap { batch.ours.values[$0] }
    let taps = try batch.theirs.advance(along: step.behind)
    let value = dense.nodes[step.layer.node].output
    guard let input = batch.ours.values[step.layer.input], let wanted = taps[value] else {
      return nil
    }
    var shortcuts: (dense: Tensor, own: Tensor)?
    if let theirs, let own, let shortcut = output.shortcut {
      shortcuts = (keeping(theirs, of: shortcut), own)
    }
    let target = LayerTarget(
      dense: keeping(wanted, of: value), shortcuts: shortcuts, factors: output.factors,
      constant: step.constant)
    let end = step.couple.flatMap { couple in
      batch.first < PairReconstruction.samplesOfChunk(for: couple)
        ? taps[couple.end].map { keeping($0, of: couple.end) } : nil
    }
    return Evidence(batch: batch, input: input, target: target, end: end)
  }

  /// What one sample of the dense network leaves where it is halted, at most.
  var bytesPerSample: Int {
    layers.map { dense.liveBytes(before: $0.node) }.max() ?? 0
  }

  /// Layers to fit, in execution order, from the first one on that reads fewer channels.
  private var layers: [ConsumerLayer] {
    // The first of a pair is fitted with the second, though it reads all channels itself.
    Array(
      pruned.fittableLayers().drop { layer in
        kept[AxisID(layer.weight, layer.inputAxis)] == nil
          && (pairRounds == 0 || kept[AxisID(layer.weight, 1 - layer.inputAxis)] == nil)
      })
  }

  /// The channels of a dense value that the pruned network has.
  private func keeping(_ tensor: Tensor, of value: ValueID) -> Tensor {
    var result = tensor
    for axis in 1..<max(1, tensor.rank) {
      if let indices = kept[AxisID(value, axis)] { result = result.gathering(indices, axis: axis) }
    }
    return result
  }

  /// The constant that a layer's own output holds, by output channel, and its factor 1 / alpha.
  private func ownBias(of layer: ConsumerLayer) -> LayerTarget.Constant {
    var bias = LayerTarget.Constant()
    guard !layer.readsLastAxis else { return bias }
    if case .gemm(let gemm) = pruned.nodes[layer.node].operation {
      bias.alpha = gemm.alpha
      bias.beta = gemm.beta
    }
    let inputs = pruned.nodes[layer.node].inputs
    if inputs.count > 2 { bias.elements = pruned.constant(inputs[2])?.elements ?? [] }
    return bias
  }
}

extension Network {
  /// Gives a layer the weights that bring its output nearest to a target.
  fileprivate mutating func fit(
    _ layer: ConsumerLayer, _ fit: inout LayerFit, prior: Network, relativeDamping: Double,
    inputs: [Tensor], clampSteps: Int
  ) throws -> TargetFit? {
    guard let start = prior.constant(layer.weight) else { return nil }
    let solution = try fit.solved(
      prior: (layer.inputAxis == 1 ? start : start.transposed).elements,
      centred: layer.absorbsMean, relativeDamping: relativeDamping,
      inputs: inputs.map { layer.arranged($0) }, steps: clampSteps)
    replaceWeight(of: layer, with: solution.weights)
    if layer.absorbsMean { absorb(solution.offsets, in: layer) }
    return solution
  }

  /// The weights and constants that a layer has in another form of the network.
  fileprivate mutating func take(_ layer: ConsumerLayer, from other: Network) {
    let parameters = [
      layer.weight, layer.bias, layer.normalisation.flatMap { nodes[$0].inputs[3] },
    ]
    for id in parameters.compactMap(\.self) { self[id].constant = other.constant(id) }
  }
}
