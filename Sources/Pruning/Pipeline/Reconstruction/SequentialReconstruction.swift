import Execution
import NetworkGraph
import Parallelism
import Quantities
import Recovery
import Surgery
import Tensors

/// A network without some channels, and the dense network's way to it.
struct PrunedForm: Sendable {
  /// The dense network without the channels that go.
  let pruned: Network
  /// The same after the single pass: where the fit leans to.
  let prior: Network
  /// By axis that lost channels: those kept.
  let kept: [AxisID: [Int]]
  /// The share of the chunks of samples that are enough to fit it.
  var share = 1.0
}

/// Fits the layers of pruned networks again, one after the other.
///
/// Each layer is given the input that the network pruned so far gives it, and what it gave in the
/// dense network as its target: so a layer repairs what those before it have lost. A layer whose
/// output is added to a shortcut repairs the shortcut's loss, too. The fit leans towards weights
/// from the single pass, which saw more of the dense network's input.
///
/// The dense network is computed once for all forms that are fitted to it, halted before the same
/// layers whatever forms there are: each form gets what it would get alone.
///
/// Reference: He, Zhang & Sun, "Channel Pruning for Accelerating Very Deep Neural Networks", ICCV
/// 2017, sections 3.2 and 3.3.
struct SequentialReconstruction {
  let dense: Network
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
  let microBatch: Int
  let runner: NetworkRunner

  /// Where networks are halted: before a layer that can be fitted.
  struct Stop {
    var node: Int
    /// Values of the dense network that are looked at before the next one.
    var taps: [ValueID]
  }

  /// Samples that pass together: what goes from layer to layer is then never cut or joined, and
  /// stays in a cache.
  struct Batch {
    /// Of the samples that came together; the last chunk may be held back.
    var chunk: Int
    /// Of its chunk.
    var samples: Range<Int>
  }

  /// What the dense network has for a micro-batch at a stop.
  struct DenseEvidence: Sendable {
    /// Halted there, and at the next one.
    var before: Frontier
    var after: Frontier
    var taps: [ValueID: Tensor]
  }

  /// A form with fitted layers, and the names of those that could not be fitted: they have the
  /// weights of the single pass.
  struct Fitted: Equatable {
    var network: Network
    var unfitted: [String] = []
  }

  /// - Parameter chunks: Inputs of the network, in its order, by chunk of samples.
  /// - Returns: By form.
  func fitted(_ forms: [PrunedForm], on chunks: [[Tensor]]) throws -> [Fitted] {
    guard dense.canBeHalted else { return forms.map { Fitted(network: $0.prior) } }
    let batches = chunks.enumerated().flatMap { place, inputs in
      MicroBatches(images: inputs.first?.shape.first ?? 0, size: microBatch).ranges
        .map { Batch(chunk: place, samples: $0) }
    }
    // Brought into order once for all networks.
    let inputs = try runner.map(count: batches.count) { place in
      let batch = batches[place]
      return dense.binding(
        chunks[batch.chunk].map { $0.samples(batch.samples) }, order: ConsumerLayer.order)
    }
    let stops = self.stops
    var fits = forms.map { FormFit($0, in: self, at: stops, batches: batches, inputs: inputs) }
    guard let end = fits.compactMap(\.end).max() else { return fits.map(\.fitted) }
    let count = fits.map(\.batchCount).max() ?? 0
    var frontiers = try inputs.prefix(count).map { Frontier(values: $0) }
      .advanced(along: stretch(of: dense, 0..<stops[0].node), with: runner)
    // A few at a time, so that little is held of what only one step reads.
    let waves = MicroBatches(images: count, size: 4 * runner.threads).ranges
    let costs = stops.prefix { $0.node <= end }.map { Double(dense.macs(of: dense.nodes[$0.node])) }
    for (index, stop) in stops.enumerated() where stop.node <= end {
      try runner.progress.reach(costs[..<index].reduce(0, +) / costs.reduce(0, +))
      // Nobody needs what comes after the last layer.
      let next = index + 1 < stops.count ? stops[index + 1].node : stop.node + 1
      let behind = stretch(of: dense, stop.node..<next, taps: stop.taps)
      for place in fits.indices { fits[place].begin(at: stop) }
      for wave in waves {
        let here = Array(frontiers[wave])
        let evidence = try runner.map(count: here.count) {
          var frontier = here[$0]
          let taps = try frontier.advance(along: behind)
          return DenseEvidence(before: here[$0], after: frontier, taps: taps)
        }
        for place in fits.indices { try fits[place].add(evidence, of: wave) }
        for (place, evidence) in zip(wave, evidence) { frontiers[place] = evidence.after }
      }
      for place in fits.indices { try fits[place].finish() }
    }
    try runner.progress.reach(1)
    return fits.map(\.fitted)
  }

  func stretch(of network: Network, _ range: Range<Int>, taps: [ValueID] = []) -> Stretch {
    Stretch(
      of: network, range, taps: taps, on: runner.backend, microBatch: microBatch,
      order: ConsumerLayer.order)
  }

  /// What a sample holds: networks stand still between layers, the dense one and, for a pair, the
  /// whole of another twice.
  var bytesHeldPerSample: Int { 3 * bytesPerSample(of: dense) }

  /// What one sample of a network leaves where it is halted, at most.
  private func bytesPerSample(of network: Network) -> Int {
    network.fittableLayers().map { network.liveBytes(before: $0.node) }.max() ?? 0
  }

  /// What some forms take with the dense network, in bytes, about.
  func bytes(for forms: some Sequence<Network>, samples: Int) -> Int {
    forms.reduce(samples * bytesPerSample(of: dense)) { $0 + bytes(for: $1, samples: samples) }
  }

  /// A form's samples, halted before a layer and before the one that it is a pair with; its weights,
  /// pruned, from the single pass and fitted; the moments of both layers, and what gathers them.
  private func bytes(for form: Network, samples: Int) -> Int {
    let geometries = form.fittableLayers().map(\.geometry)
    let widest = geometries.map { $0.columns + $0.outputs }.max() ?? 0
    let held = samples * bytesPerSample(of: form) + 8 * widest * widest
    let gathering =
      geometries.map {
        LayerFit.bytes($0, positionsPerImage: positions, threads: runner.threads)
      }.max() ?? 0
    return (pairRounds > 0 ? 2 : 1) * held + gathering + 3 * Int(form.cost().modelBytes.count)
  }

  /// In execution order. What is tapped decides how operations are computed together, and so the
  /// last bits: that depends on the dense network alone.
  private var stops: [Stop] {
    let (consumers, producers) = (dense.consumers(), dense.producers())
    let layers = dense.fittableLayers().map { layer in
      (
        layer,
        LayerOutput(
          of: layer, in: dense, consumers: consumers,
          known: Set(dense.liveValues(before: layer.node)))
      )
    }
    return layers.indices.map { index in
      let node = layers[index].0.node
      var taps = [dense.nodes[node].output]
      if pairRounds > 0, index > 0,
        let pair = LayerPair(
          layers[index - 1], layers[index], in: dense, consumers: consumers, producers: producers),
        !taps.contains(pair.end)
      {
        taps.append(pair.end)
      }
      return Stop(node: node, taps: taps)
    }
  }
}
