import Execution
import NetworkGraph
import Recovery
import Surgery
import Tensors

/// One pruned form on its way through a ``SequentialReconstruction``: what is fitted of it, and where
/// it is halted.
struct FormFit {
  /// What has been fitted so far.
  var fitted: SequentialReconstruction.Fitted {
    isLost ? .init(network: form.prior) : .init(network: result, unfitted: unfitted)
  }

  private let form: PrunedForm
  private let reconstruction: SequentialReconstruction
  /// Layers to fit, by node.
  private let layers: [Int: ConsumerLayer]
  private let batches: [SequentialReconstruction.Batch]
  private let consumers: [[Int]]
  private let producers: [Int?]

  private var result: Network
  private var unfitted: [String] = []
  /// By micro-batch: the form, halted before a node.
  private var frontiers: [Frontier]
  private var halted = 0
  private var last: FittedLayer?
  private var turn: Turn?
  private var sums: Sums?
  /// Whether a value was missing: nothing is fitted then.
  private var isLost = false

  /// A layer that has its weights, and the form halted before it, by micro-batch.
  private struct FittedLayer {
    var layer: ConsumerLayer
    var output: LayerOutput
    var fit: TargetFit
    var frontiers: [Frontier]
  }

  /// A layer whose turn it is.
  private struct Turn {
    var layer: ConsumerLayer
    var output: LayerOutput
    /// The layer with the one before, where they are fitted together.
    var couple: LayerPair?
    /// The form up to the layer.
    var before: Stretch
  }

  /// What has been gathered about it.
  private struct Sums {
    var fit: LayerFit
    /// By chunk: what the pair reads and should give.
    var ends: [[PairReconstruction.Samples]]
  }

  /// What a micro-batch tells about a layer.
  private struct Evidence {
    var frontier: Frontier
    var samples: LayerFit.Samples
    /// What the dense network has behind the layer, if it is the second of a pair and the batch
    /// takes part.
    var end: Tensor?
  }

  init(
    _ form: PrunedForm, in reconstruction: SequentialReconstruction,
    at stops: [SequentialReconstruction.Stop], batches: [SequentialReconstruction.Batch],
    inputs: [[ValueID: Tensor]]
  ) {
    self.form = form
    self.reconstruction = reconstruction
    let chunks = (batches.last?.chunk ?? -1) + 1
    // Of four chunks and more, pairs of layers hold one back.
    let enough = max(Int((form.share * Double(chunks)).rounded(.up)), 4)
    self.batches = batches.filter { $0.chunk < enough }
    result = form.pruned
    consumers = form.pruned.consumers()
    producers = form.pruned.producers()
    let stops = Set(stops.map(\.node))
    let layers = form.pruned.fittableLayers().drop { layer in
      // The first of a pair is fitted with the second, though it reads all channels itself.
      form.kept[AxisID(layer.weight, layer.inputAxis)] == nil
        && (reconstruction.pairRounds == 0
          || form.kept[AxisID(layer.weight, 1 - layer.inputAxis)] == nil)
    }
    self.layers = Dictionary(
      uniqueKeysWithValues: layers.filter { stops.contains($0.node) }.map { ($0.node, $0) })
    frontiers = inputs.prefix(self.batches.count).map { Frontier(values: $0) }
    if self.layers.isEmpty { result = form.prior }
  }

  /// The last layer to fit.
  var end: Int? { layers.keys.max() }

  /// How many micro-batches take part.
  var batchCount: Int { batches.count }

  /// The dense network is halted before a layer.
  mutating func begin(at stop: SequentialReconstruction.Stop) {
    guard let layer = layers[stop.node], !isLost else { return }
    let output = LayerOutput(
      of: layer, in: form.pruned, consumers: consumers,
      known: Set(form.pruned.liveValues(before: layer.node)))
    let couple =
      reconstruction.pairRounds == 0
      ? nil
      : last.flatMap {
        LayerPair(
          ($0.layer, $0.output), (layer, output), in: form.pruned, consumers: consumers,
          producers: producers)
      }
    turn = Turn(
      layer: layer, output: output,
      couple: couple.flatMap { stop.taps.contains($0.end) && pays($0) ? $0 : nil },
      before: reconstruction.stretch(of: result, halted..<layer.node))
    sums = Sums(
      fit: LayerFit(
        layer.name, geometry: layer.geometry,
        target: LayerTarget(factors: output.factors, constant: ownBias(of: layer)),
        clamp: reconstruction.clampSteps > 0 ? output.clamp : nil,
        hasShortcut: output.shortcut != nil, positionsPerImage: reconstruction.positions,
        meanWeight: reconstruction.meanWeight),
      ends: Array(repeating: [], count: (batches.last?.chunk ?? -1) + 1))
    halted = layer.node
  }

  /// Takes the form to the layer, for those of some micro-batches that are its own.
  mutating func add(
    _ evidence: [SequentialReconstruction.DenseEvidence], of places: Range<Int>
  ) throws {
    let places = places.clamped(to: batches.indices)
    guard let turn, var sums, !isLost, !places.isEmpty else { return }
    // What is added to must not be shared with what the threads look at.
    self.sums = nil
    let now = self
    let own = try reconstruction.runner.map(count: places.count) {
      try now.evidence(on: turn, of: places.lowerBound + $0, evidence[$0])
    }
    guard let own = own.whole() else {
      isLost = true
      return
    }
    for (place, evidence) in zip(places, own) {
      frontiers[place] = evidence.frontier
      if let end = evidence.end, let couple = turn.couple, let first = last {
        sums.ends[batches[place].chunk].append(
          PairReconstruction.Samples(
            values: first.frontiers[place].values.filter { couple.inputs.contains($0.key) },
            target: end))
      }
    }
    for evidence in own {
      try sums.fit.add(evidence.samples, threads: reconstruction.runner.threads)
    }
    self.sums = sums
  }

  /// Everything about the layer is known: fits it, and the one before it where they are a pair.
  mutating func finish() throws {
    guard let turn, var sums, !isLost else { return }
    (self.turn, self.sums) = (nil, nil)
    let layer = turn.layer
    do {
      let own = try result.fit(
        layer, &sums.fit, prior: form.prior, relativeDamping: reconstruction.relativeDamping,
        inputs: frontiers.compactMap { arranged($0.values[layer.input], layer) },
        clampSteps: reconstruction.clampSteps, threads: reconstruction.runner.threads)
      if let couple = turn.couple, let first = last, let own,
        try refine(couple, [first.fit.curvature, own.curvature], on: sums.ends)
      {
        // The first layer has other weights: what follows it is computed again.
        let again = reconstruction.stretch(of: result, first.layer.node..<layer.node)
        frontiers = []
        frontiers = try first.frontiers.advanced(
          along: again, with: reconstruction.runner)
      }
      last = own.map {
        FittedLayer(
          layer: layer, output: turn.output, fit: $0,
          frontiers: reconstruction.pairRounds > 0 ? frontiers : [])
      }
    } catch let error as RecoveryError where error.code == .singular {
      result.take(layer, from: form.prior)
      unfitted.append(layer.name)
      last = nil
    }
  }

  /// Whether there are samples enough to fit a pair.
  private func pays(_ couple: LayerPair) -> Bool {
    let taking = batches.filter { takesPart($0, in: couple) }
    return PairReconstruction.pays(for: couple, samples: taking.reduce(0) { $0 + $1.samples.count })
  }

  private func takesPart(
    _ batch: SequentialReconstruction.Batch, in couple: LayerPair
  ) -> Bool {
    batch.samples.lowerBound < PairReconstruction.samplesOfChunk(for: couple)
  }

  /// Fits a pair.
  ///
  /// - Returns: Whether its weights are others now.
  private mutating func refine(
    _ couple: LayerPair, _ curvatures: [InputCurvature], on ends: [[PairReconstruction.Samples]]
  ) throws -> Bool {
    let samples = batches.reduce(0) { $0 + $1.samples.count }
    let both = PairReconstruction(
      pair: couple, curvatures: curvatures, positions: reconstruction.positions * samples,
      microBatch: reconstruction.microBatch, runner: reconstruction.runner)
    guard let refined = try both.refined(result, on: ends, rounds: reconstruction.pairRounds)
    else { return false }
    result = refined
    return true
  }

  /// Takes the form to a layer, and looks at what the dense network has there; nil if a value is
  /// missing.
  private func evidence(
    on turn: Turn, of place: Int, _ dense: SequentialReconstruction.DenseEvidence
  ) throws -> Evidence? {
    var frontier = frontiers[place]
    let output = turn.output
    try frontier.advance(along: turn.before)
    let value = reconstruction.dense.nodes[turn.layer.node].output
    guard let input = arranged(frontier.values[turn.layer.input], turn.layer),
      let wanted = dense.taps[value]
    else { return nil }
    var shortcuts: (dense: ChannelMaps, own: ChannelMaps)?
    if let shortcut = output.shortcut {
      guard let theirs = dense.before.values[shortcut], let own = frontier.values[shortcut]
      else { return nil }
      shortcuts = (maps(theirs, of: shortcut, for: turn.layer), ChannelMaps(own))
    }
    let end = turn.couple.flatMap { couple in
      takesPart(batches[place], in: couple)
        ? dense.taps[couple.end].map { keeping($0, of: couple.end) } : nil
    }
    return Evidence(
      frontier: frontier,
      samples: LayerFit.Samples(
        input: input, output: maps(wanted, of: value, for: turn.layer), shortcuts: shortcuts),
      end: end)
  }

  /// What a layer reads of the form, as its geometry takes it.
  private func arranged(_ value: Tensor?, _ layer: ConsumerLayer) -> Tensor? {
    value.map { layer.arranged($0, of: form.pruned[layer.input].shape) }
  }

  /// A dense value, with the channels that the form has, as a layer's geometry takes its outputs.
  private func maps(_ tensor: Tensor, of value: ValueID, for layer: ConsumerLayer) -> ChannelMaps {
    if layer.readsLastAxis {
      return ChannelMaps(layer.arranged(keeping(tensor, of: value), of: form.pruned[value].shape))
    }
    // Channels are taken where the maps are sampled. Other axes may have lost something, too.
    return ChannelMaps(
      keeping(tensor, of: value, but: 1), channels: form.kept[AxisID(value, 1)])
  }

  /// What the form has of a dense value.
  ///
  /// - Parameter left: An axis that stays whole.
  private func keeping(_ tensor: Tensor, of value: ValueID, but left: Int? = nil) -> Tensor {
    let channelsAreLast = ConsumerLayer.order.isKept(for: reconstruction.dense[value].shape)
    var result = tensor
    for axis in 1..<max(1, tensor.rank) where axis != left {
      if let indices = form.kept[AxisID(value, axis)] {
        let place = !channelsAreLast ? axis : axis == 1 ? tensor.rank - 1 : axis - 1
        result = result.gathering(indices, axis: place)
      }
    }
    return result
  }

  /// The constant that a layer's own output holds, by output channel, and its factor 1 / alpha.
  private func ownBias(of layer: ConsumerLayer) -> LayerTarget.Constant {
    var bias = LayerTarget.Constant()
    guard !layer.readsLastAxis else { return bias }
    if case .gemm(let gemm) = form.pruned.nodes[layer.node].operation {
      bias.alpha = gemm.alpha
      bias.beta = gemm.beta
    }
    let inputs = form.pruned.nodes[layer.node].inputs
    if inputs.count > 2 { bias.elements = form.pruned.constant(inputs[2])?.elements ?? [] }
    return bias
  }
}

extension Network {
  /// Gives a layer the weights that bring its output nearest to a target.
  fileprivate mutating func fit(
    _ layer: ConsumerLayer, _ fit: inout LayerFit, prior: Network, relativeDamping: Double,
    inputs: [Tensor], clampSteps: Int, threads: Int
  ) throws -> TargetFit? {
    guard let start = prior.constant(layer.weight) else { return nil }
    let solution = try fit.solved(
      prior: (layer.inputAxis == 1 ? start : start.transposed).elements,
      centred: layer.absorbsMean, relativeDamping: relativeDamping,
      inputs: inputs, steps: clampSteps, threads: threads)
    replaceWeight(of: layer, with: solution.weights)
    if layer.absorbsMean { absorb(solution.offsets, in: layer) }
    return solution
  }

  /// The weights and constants that a layer has in another form of the network.
  fileprivate mutating func take(_ layer: ConsumerLayer, from other: Network) {
    let parameters = [
      layer.weight, layer.bias, layer.mean,
    ]
    for id in parameters.compactMap(\.self) { self[id].constant = other.constant(id) }
  }
}
