import Execution
import NetworkGraph
import Tensors

/// A network made ready to be taken forward, and changes at its outputs back to some of its layers;
/// for any thread.
struct LayerChanges {
  let network: Network
  /// Layers that a change at the outputs reaches; see ``Pullback/gradients``.
  let layers: [ConsumerLayer]
  private let pullback: Pullback
  private let forward: Segment
  private let back: Segment

  /// - Parameter microBatch: Samples that are given at once, at most.
  init(
    _ network: Network, at layers: [ConsumerLayer], on backend: any Backend, microBatch: Int
  ) throws {
    (self.network, self.layers) = (network, layers)
    pullback = try Pullback(of: network, to: layers.map { network.nodes[$0.node].output })
    let wanted = Set(layers.map(\.input) + pullback.activations.keys + network.outputs).sorted()
    let order = ConsumerLayer.order
    forward = Segment(
      network.segment(network.nodes.indices, outputs: wanted), on: backend,
      microBatch: microBatch, order: order)
    back = Segment(pullback.network, on: backend, microBatch: microBatch, order: order)
  }

  /// Calls `body` for every layer with its place, its input and the change at its output, both as
  /// its geometry takes them.
  ///
  /// - Parameters:
  ///   - inputs: One micro-batch, for each input of the network.
  ///   - change: Makes the change at the network's outputs from what they are.
  func pass(
    _ inputs: [Tensor], change: ([Tensor]) -> [Tensor],
    body: (Int, _ input: Tensor, _ change: Tensor) throws -> Void
  ) throws {
    let values = try values(inputs)
    let order = ConsumerLayer.order
    let outputs = network.outputs.compactMap { id in
      values[id].map { order.rowMajor($0, of: network[id].shape) }
    }
    var changes = pullback.network.binding(change(outputs), order: order)
    for (value, input) in pullback.activations { changes[input] = values[value] }
    let places = layers.compactMap { pullback.gradients[network.nodes[$0.node].output] }
    let gradients = try back.values(places, on: changes)
    for (index, layer) in layers.enumerated() {
      guard let input = values[layer.input] else { continue }
      let output = network.nodes[layer.node].output
      try body(
        index, layer.arranged(input, of: network[layer.input].shape),
        layer.arranged(gradients[index], of: network[output].shape))
    }
  }

  /// What layers read, and what takes changes back needs to know, in ``ConsumerLayer/order``.
  ///
  /// - Parameter inputs: One micro-batch, for each input of the network.
  func values(_ inputs: [Tensor]) throws -> [ValueID: Tensor] {
    var values = network.binding(inputs, order: ConsumerLayer.order)
    let computed = forward.network.outputs
    for (id, value) in zip(computed, try forward.values(computed, on: values)) {
      values[id] = value
    }
    return values
  }
}
