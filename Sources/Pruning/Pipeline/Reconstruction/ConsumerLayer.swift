import Execution
import NetworkGraph
import Recovery
import Tensors

/// A layer that reads prunable channels: what least squares fits after some of them are gone.
struct ConsumerLayer: Sendable {
  let name: String
  let node: Int
  let input: ValueID
  let weight: ValueID
  /// One constant per output that nothing else reads: the node's own bias, or what alone is added to
  /// its output.
  let bias: ValueID?
  /// The BatchNormalization that alone reads its output.
  let normalisation: Int?
  /// Its mean, if nothing else reads that.
  let mean: ValueID?
  let geometry: ConsumerGeometry
  /// The weight's axis of input channels.
  let inputAxis: Int
  /// Columns of the unfolded input per index of `inputAxis`.
  let columnsPerChannel: Int
  /// Whether the input's channels are its last axis, not its axis 1.
  let readsLastAxis: Bool

  /// Whether a constant can be added to its output: then only centred inputs need be fitted.
  var absorbsMean: Bool { bias != nil || mean != nil }

  init?(_ index: Int, in network: Network, consumers: [[Int]]) {
    let node = network.nodes[index]
    guard node.inputs.count > 1, let input = node.inputs[0], let weight = node.inputs[1],
      let shape = network.constant(weight)?.shape
    else { return nil }
    switch node.operation {
    case .convolution(let convolution)
    where convolution.groups == 1 && network[input].shape[0] == .batch:
      guard
        let geometry = try? ConsumerGeometry(
          convolution: convolution, outputs: shape[0], input: network[input].shape.extentsPerImage)
      else { return nil }
      self.geometry = geometry
      inputAxis = 1
      columnsPerChannel = convolution.kernel.reduce(1, *)
      readsLastAxis = false
    case .gemm(let gemm) where network[input].shape[0] == .batch:
      geometry = ConsumerGeometry(
        fullyConnected: shape[gemm.inputAxis], outputs: shape[1 - gemm.inputAxis])
      inputAxis = gemm.inputAxis
      columnsPerChannel = 1
      readsLastAxis = false
    case .matrixProduct:
      // [N, …, K] · [K, P]: one position for every row, as a convolution of 1 × 1.
      let positions = network[input].shape.elementsPerImage / max(shape[0], 1)
      guard shape.count == 2, network.constant(input) == nil, positions > 0,
        let geometry = try? ConsumerGeometry(
          convolution: Convolution(kernel: [1]), outputs: shape[1], input: [shape[0], positions])
      else { return nil }
      self.geometry = geometry
      inputAxis = 0
      columnsPerChannel = 1
      readsLastAxis = true
    default: return nil
    }
    name = node.name
    self.node = index
    self.input = input
    self.weight = weight
    let reader = network.onlyReader(of: node.output, consumers: consumers)
    func isOwn(_ constant: ValueID) -> Bool { consumers[constant.index].count == 1 }
    var constant: ValueID?
    if readsLastAxis, let reader {
      constant = network.nodes[reader].addedConstant(of: geometry.outputs, in: network)
    } else if node.operation.readsBias, node.inputs.count > 2 {
      constant = node.inputs[2]
    }
    bias = constant.flatMap { isOwn($0) ? $0 : nil }
    if let reader, case .batchNormalization = network.nodes[reader].operation {
      normalisation = reader
      mean = network.nodes[reader].inputs[3].flatMap { isOwn($0) ? $0 : nil }
    } else {
      (normalisation, mean) = (nil, nil)
    }
  }

  /// How values lie that are looked at: channels last, so that a position has its numbers side by
  /// side.
  static let order = ChannelOrder.last()

  /// An input or output that lies in ``order``, as the geometry takes it: `[n, …, C]`.
  func arranged(_ value: Tensor, of shape: Shape) -> Tensor {
    // Whose channels are the last axis has them last in row-major order.
    readsLastAxis ? Self.order.rowMajor(value, of: shape) : value
  }

  /// The columns that each unit of a group owns.
  func columns(of group: ChannelGroup) -> [[Int]] {
    guard let member = group.member(on: AxisID(weight, inputAxis)) else { return [] }
    return member.indices.map { indices in
      indices.flatMap { index in
        (index * columnsPerChannel)..<((index + 1) * columnsPerChannel)
      }
    }
  }
}

extension [ConsumerLayer] {
  /// Those whose weight no other of them reads: one that several read has no one input to be fitted
  /// to.
  var withOwnWeights: [ConsumerLayer] {
    let readers = Dictionary(grouping: self, by: \.weight)
    return filter { readers[$0.weight]?.count == 1 }
  }
}

extension Network {
  /// Every layer that can be fitted, in execution order.
  func fittableLayers() -> [ConsumerLayer] {
    let consumers = self.consumers()
    return nodes.indices.compactMap { ConsumerLayer($0, in: self, consumers: consumers) }
      .withOwnWeights
  }

  /// Every layer that reads a prunable group, in execution order.
  func consumerLayers(_ groups: [ChannelGroup]) -> [ConsumerLayer] {
    let consumers = self.consumers()
    let indices = Set(groups.filter(\.isPrunable).flatMap(\.consumers)).sorted()
    return indices.compactMap { ConsumerLayer($0, in: self, consumers: consumers) }
  }
}

extension Node {
  /// The constant of one number per output that an addition adds.
  fileprivate func addedConstant(of outputs: Int, in network: Network) -> ValueID? {
    guard case .elementwise(.add) = operation else { return nil }
    return inputs.compactMap(\.self).first { network.constant($0)?.shape == [outputs] }
  }
}

extension Operator {
  /// Whether a bias counts: a Gemm may multiply it by zero.
  fileprivate var readsBias: Bool {
    if case .gemm(let gemm) = self { gemm.beta != 0 } else { true }
  }
}
