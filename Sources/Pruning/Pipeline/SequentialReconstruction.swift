import Datasets
import NetworkGraph
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

  /// The pruned network with fitted layers.
  ///
  /// - Parameter inputs: Of the network, in its order, all samples.
  func fitted(
    on inputs: [Tensor], with runner: NetworkRunner, microBatch: Int
  ) throws -> Network {
    var result = pruned
    let layers = self.layers
    guard !layers.isEmpty, dense.canBeHalted else { return prior }
    var (ours, theirs) = (
      Frontier(pruned, inputs: inputs), Frontier(dense, inputs: inputs)
    )
    for (index, layer) in layers.enumerated() {
      if index == 0 {
        _ = try ours.advance(result, to: layer.node, with: runner, microBatch: microBatch)
        _ = try theirs.advance(dense, to: layer.node, with: runner, microBatch: microBatch)
      }
      // Nobody needs what comes after the last layer.
      let next = index + 1 < layers.count ? layers[index + 1].node : layer.node + 1
      let output = dense.nodes[layer.node].output
      let shortcut = shortcut(of: layer)
      let before = shortcut.flatMap { theirs.values[$0.value] }
      guard let input = ours.values[layer.input],
        let wanted = try theirs.advance(
          dense, to: next, tap: output, with: runner, microBatch: microBatch)
      else { return prior }
      var target = keeping(wanted, of: output)
      if let shortcut, let dense = before, let own = ours.values[shortcut.value] {
        target.add(
          keeping(dense, of: shortcut.value), minus: own, factors: shortcut.factors)
      }
      target.remove(biasInside(layer, result))
      try result.fit(
        layer, input: input, target: target, prior: prior, relativeDamping: relativeDamping,
        positions: positions)
      _ = try ours.advance(result, to: next, with: runner, microBatch: microBatch)
    }
    return result
  }

  /// What one sample of the dense network leaves where it is halted, at most.
  var bytesPerSample: Int {
    layers.map { layer in
      dense.liveValues(before: layer.node).reduce(0) { $0 + 4 * dense[$1].shape.elementsPerImage }
    }.max() ?? 0
  }

  /// Layers to fit, in execution order, from the first one on that reads fewer channels.
  private var layers: [ConsumerLayer] {
    let consumers = pruned.consumers()
    let all = pruned.nodes.indices.compactMap {
      ConsumerLayer($0, in: pruned, consumers: consumers)
    }
    let readers = Dictionary(grouping: all, by: \.weight)
    let own = all.filter { readers[$0.weight]?.count == 1 }
    return Array(own.drop { kept[AxisID($0.weight, $0.inputAxis)] == nil })
  }

  /// The channels of a dense value that the pruned network has.
  private func keeping(_ tensor: Tensor, of value: ValueID) -> Tensor {
    var result = tensor
    for axis in 1..<max(1, tensor.rank) {
      if let indices = kept[AxisID(value, axis)] { result = result.gathering(indices, axis: axis) }
    }
    return result
  }

  /// What a layer's output is added to, and by what the difference there is to be multiplied to
  /// stand at the layer's own output.
  private func shortcut(of layer: ConsumerLayer) -> (value: ValueID, factors: [Float])? {
    let consumers = pruned.consumers()
    var value = pruned.nodes[layer.node].output
    var factors = [Float](repeating: 1, count: layer.geometry.outputs)
    if let index = layer.normalisation {
      let node = pruned.nodes[index]
      guard case .batchNormalization(let operation) = node.operation,
        let scale = pruned.constant(node.inputs[1])?.elements,
        let variance = pruned.constant(node.inputs[4])?.elements
      else { return nil }
      factors = zip(scale, variance).map { scale, variance in
        let factor = (variance + operation.epsilon).squareRoot() / scale
        // A channel that the normalisation all but switches off cannot repair anything.
        return factor.isFinite && abs(factor) < 1000 ? factor : 0
      }
      value = node.output
    }
    let readers = consumers[value.index]
    guard readers.count == 1, !pruned.outputs.contains(value), !layer.readsLastAxis,
      case .elementwise(.add) = pruned.nodes[readers[0]].operation,
      let other = pruned.nodes[readers[0]].inputs.compactMap(\.self).first(where: { $0 != value }),
      pruned.constant(other) == nil, pruned[other].shape == pruned[value].shape
    else { return nil }
    return (other, factors)
  }

  /// The constant that a layer's own output holds, by output channel, and its factor 1 / alpha.
  private func biasInside(_ layer: ConsumerLayer, _ network: Network) -> OwnBias {
    var bias = OwnBias()
    guard !layer.readsLastAxis else { return bias }
    if case .gemm(let gemm) = network.nodes[layer.node].operation {
      bias.alpha = gemm.alpha
      bias.beta = gemm.beta
    }
    let inputs = network.nodes[layer.node].inputs
    if inputs.count > 2 { bias.elements = network.constant(inputs[2])?.elements ?? [] }
    return bias
  }
}

/// y = alpha · W u + beta · b.
private struct OwnBias {
  var alpha: Float = 1
  var beta: Float = 1
  /// b; empty where there is none, one element where all outputs share it.
  var elements: [Float] = []
}

extension Tensor {
  /// Adds factors · (a − b), the factors by channel.
  fileprivate mutating func add(_ a: Tensor, minus b: Tensor, factors: [Float]) {
    guard a.count == count, b.count == count, rank > 1 else { return }
    let inner = shape[2...].reduce(1, *)
    for place in elements.indices {
      elements[place] +=
        factors[place / inner % shape[1]] * (a.elements[place] - b.elements[place])
    }
  }

  /// From outputs to W u.
  fileprivate mutating func remove(_ bias: OwnBias) {
    guard rank > 1, !bias.elements.isEmpty || bias.alpha != 1 else { return }
    let inner = shape[2...].reduce(1, *)
    for place in elements.indices {
      let channel = place / inner % shape[1]
      let constant =
        bias.elements.isEmpty ? 0 : bias.elements[bias.elements.count == 1 ? 0 : channel]
      elements[place] = (elements[place] - bias.beta * constant) / bias.alpha
    }
  }
}

extension Network {
  /// Gives a layer the weights that bring its output nearest to a target.
  fileprivate mutating func fit(
    _ layer: ConsumerLayer, input: Tensor, target: Tensor, prior: Network,
    relativeDamping: Double, positions: Int
  ) throws {
    guard let start = prior.constant(layer.weight) else { return }
    let outputs = layer.geometry.outputs
    var collector = GramCollector(
      geometry: layer.geometry, targets: outputs, positionsPerImage: positions)
    try collector.add(input: layer.arranged(input), target: layer.arranged(target))
    let fit = try TargetFit(
      layer.name, gram: try collector.finish(),
      prior: (layer.inputAxis == 1 ? start : start.transposed).elements, outputs: outputs,
      centred: layer.absorbsMean, relativeDamping: relativeDamping)
    replaceWeight(of: layer, with: fit.weights)
    if layer.absorbsMean { absorb(fit.offsets, in: layer) }
  }
}
