import LinearAlgebra
import NetworkGraph
import Recovery
import Tensors

/// Two layers with nothing but a normalisation and an activation between them, and what is compared
/// with the dense network behind the second.
struct LayerPair {
  let layers: [ConsumerLayer]
  /// By layer and output: from a difference behind the normalisation to one at the layer's output.
  let factors: [[Float]]
  /// What the activation between reads, and that activation.
  let inner: ValueID
  let innerMaps: ClampedMaps
  /// The second layer's output after its normalisation and what is added, and the activation behind.
  let end: ValueID
  let endMaps: ClampedMaps
  /// What the part of the network from the first layer to `end` reads.
  let inputs: Set<ValueID>
  private let nodes: Range<Int>
  private let convolution: Convolution

  /// Nil where the layers are not such a pair.
  ///
  /// - Parameter second: A layer with its output; `before` is the layer that was fitted before it.
  init?(
    _ before: (layer: ConsumerLayer, output: LayerOutput),
    _ second: (layer: ConsumerLayer, output: LayerOutput), in network: Network,
    consumers: [[Int]], producers: [Int?]
  ) {
    let inner = before.output.end
    guard before.output.clamp != nil, before.output.shortcut == nil,
      before.layer.inputAxis == 1,
      let activation = network.onlyReader(of: inner, consumers: consumers),
      network.nodes[activation].output == second.layer.input,
      network.onlyReader(of: second.layer.input, consumers: consumers) == second.layer.node,
      case .convolution(let convolution) = network.nodes[second.layer.node].operation,
      let last = producers[second.output.end.index]
    else { return nil }
    layers = [before.layer, second.layer]
    factors = [before.output.factors, second.output.factors]
    self.inner = inner
    innerMaps = before.output.maps
    end = second.output.end
    endMaps = second.output.maps
    nodes = before.layer.node..<last + 1
    inputs = Set(network.segment(nodes, outputs: []).inputs)
    self.convolution = convolution
  }

  /// The part of a network from the first layer to `end`.
  func segment(of network: Network, outputs: [ValueID]) -> Network {
    network.segment(nodes, outputs: outputs)
  }

  /// What takes a change at `end` back to the second layer's input: the transpose of the layer with
  /// its normalisation.
  func transpose(in network: Network) throws -> Network {
    var result = Network(name: "transpose")
    let node = network.nodes[layers[1].node]
    let shape = network[node.output].shape
    let operation = convolution.transposed(from: network[layers[1].input].shape, to: shape)
    let input = result.addActivation("change", shape: shape)
    let weight = result.addConstant("weight", scaledWeight(in: network))
    let output = result.addActivation("back")
    result.nodes = [
      Node(
        name: "transpose", operation: .transposedConvolution(operation), inputs: [input, weight],
        output: output)
    ]
    (result.inputs, result.outputs) = ([input], [output])
    try result.inferShapes()
    return result
  }

  /// Σ over the kernel's taps of WᵀW, W being the second layer's weight behind its normalisation:
  /// how much changes of the channels between count at `end`.
  func innerMoments(in network: Network) -> Matrix {
    let weight = scaledWeight(in: network)
    let (outputs, channels) = (weight.shape[0], weight.shape[1])
    let taps = weight.count / max(outputs * channels, 1)
    var rows = Matrix(rows: channels, columns: outputs * taps)
    for output in 0..<outputs {
      for channel in 0..<channels {
        for tap in 0..<taps {
          rows[channel, output * taps + tap] = Double(
            weight.elements[(output * channels + channel) * taps + tap])
        }
      }
    }
    return rows * rows.transposed
  }

  private func scaledWeight(in network: Network) -> Tensor {
    var weight = network.constant(layers[1].weight) ?? Tensor(shape: [0])
    let size = weight.count / max(factors[1].count, 1)
    for (output, factor) in factors[1].enumerated() {
      let scale = factor == 0 ? 0 : 1 / factor
      for place in output * size..<(output + 1) * size { weight.elements[place] *= scale }
    }
    return weight
  }
}
