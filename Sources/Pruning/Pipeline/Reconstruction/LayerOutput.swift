import NetworkGraph
import Recovery
import Tensors

/// What becomes of a layer's output: the normalisation behind it, what is added to it, and the
/// activation that all of that goes through.
struct LayerOutput {
  /// What the layer's output is added to.
  private(set) var shortcut: ValueID?
  /// By what a difference there is to be multiplied to stand at the layer's own output.
  private(set) var factors: [Float]
  /// The activation, if it hides part of its input.
  private(set) var clamp: OutputClamp?
  /// What the activation reads: the output after the normalisation and the addition.
  private(set) var end: ValueID
  /// The activation there; one that hides nothing, where there is none.
  private(set) var maps = ClampedMaps(lower: -.infinity, upper: .infinity)

  /// - Parameter known: What has been computed when the layer is fitted: a shortcut that comes
  ///   later is left alone.
  init(
    of layer: ConsumerLayer, in network: Network, consumers: [[Int]], known: Set<ValueID>
  ) {
    let outputs = layer.geometry.outputs
    factors = [Float](repeating: 1, count: outputs)
    end = network.nodes[layer.node].output
    guard !layer.readsLastAxis else { return }
    var value = end
    var shift = network.bias(of: network.nodes[layer.node], outputs: outputs)
    var negative = [Bool](repeating: false, count: outputs)
    if let index = layer.normalisation {
      let node = network.nodes[index]
      guard let constants = BatchNormalizationConstants(of: node, in: network) else { return }
      for channel in 0..<outputs {
        let deviation = (constants.variance[channel] + constants.epsilon).squareRoot()
        let factor = deviation / constants.scale[channel]
        // A channel that the normalisation all but switches off cannot repair anything.
        let works = factor.isFinite && abs(factor) < 1000
        factors[channel] = works ? factor : 0
        negative[channel] = factor < 0
        shift?[channel] += constants.shift[channel] * factors[channel] - constants.mean[channel]
      }
      value = node.output
      end = value
    }
    if let other = network.addend(of: value, consumers: consumers) {
      guard known.contains(other.value) else { return }
      shortcut = other.value
      value = other.sum
      end = value
    }
    guard let shift, let bounds = network.bounds(after: value, consumers: consumers) else { return }
    maps = ClampedMaps(lower: bounds.0, upper: bounds.1)
    let limits = factors.indices.map { channel -> (Float, Float) in
      let factor = factors[channel]
      guard factor != 0 else { return (-.infinity, .infinity) }
      let (a, b) = (bounds.0 * factor, bounds.1 * factor)
      return negative[channel] ? (b, a) : (a, b)
    }
    clamp = OutputClamp(shift: shift, lower: limits.map(\.0), upper: limits.map(\.1))
  }
}

extension Network {
  /// A convolution's or Gemm's own constant, zeros if it has none; nil where it enters in a way
  /// that is not plain.
  fileprivate func bias(of node: Node, outputs: Int) -> [Float]? {
    if case .gemm(let gemm) = node.operation, gemm.alpha != 1 || gemm.beta != 1 { return nil }
    guard node.inputs.count > 2, let input = node.inputs[2] else {
      return [Float](repeating: 0, count: outputs)
    }
    guard let elements = constant(input)?.elements, elements.count == outputs else { return nil }
    return elements
  }

  /// What an activation is added to, if nothing else reads it.
  fileprivate func addend(
    of value: ValueID, consumers: [[Int]]
  ) -> (value: ValueID, sum: ValueID)? {
    guard let reader = onlyReader(of: value, consumers: consumers),
      case .elementwise(.add) = nodes[reader].operation,
      let other = nodes[reader].inputs.compactMap(\.self).first(where: { $0 != value }),
      constant(other) == nil, self[other].shape == self[value].shape
    else { return nil }
    return (other, nodes[reader].output)
  }

  /// Between which bounds an activation lets its input through, if nothing else reads it.
  fileprivate func bounds(after value: ValueID, consumers: [[Int]]) -> (Float, Float)? {
    guard let reader = onlyReader(of: value, consumers: consumers),
      case .activation(let activation) = nodes[reader].operation
    else { return nil }
    switch activation {
    case .relu: return (0, .infinity)
    case .clip(let lower, let upper): return (lower, upper)
    default: return nil
    }
  }
}
