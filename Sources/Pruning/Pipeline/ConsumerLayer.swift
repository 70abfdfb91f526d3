import NetworkGraph
import Recovery
import Tensors

/// A layer that reads prunable channels: what least squares fits after some of them are gone.
struct ConsumerLayer: Sendable {
  let name: String
  let node: Int
  let input: ValueID
  let weight: ValueID
  let bias: ValueID?
  /// The BatchNormalization that alone reads its output.
  let normalisation: Int?
  let geometry: ConsumerGeometry
  /// The weight's axis of input channels.
  let inputAxis: Int
  /// Columns of the unfolded input per index of `inputAxis`.
  let columnsPerChannel: Int

  /// Whether a constant can be added to its output: then only centred inputs need be fitted.
  var absorbsMean: Bool { bias != nil || normalisation != nil }

  init?(_ index: Int, in network: Network, consumers: [[Int]]) {
    let node = network.nodes[index]
    guard let input = node.inputs.first ?? nil, let weight = node.inputs[1],
      let shape = network.constant(weight)?.shape
    else { return nil }
    switch node.operation {
    case .convolution(let convolution) where convolution.groups == 1:
      let extents = network[input].shape.resolved(batch: 1).dropFirst()
      guard
        let geometry = try? ConsumerGeometry(
          convolution: convolution, outputs: shape[0], input: Array(extents))
      else { return nil }
      self.geometry = geometry
      inputAxis = 1
      columnsPerChannel = convolution.kernel.reduce(1, *)
    case .gemm(let gemm):
      geometry = ConsumerGeometry(
        fullyConnected: shape[gemm.inputAxis], outputs: shape[1 - gemm.inputAxis])
      inputAxis = gemm.inputAxis
      columnsPerChannel = 1
    default: return nil
    }
    name = node.name
    self.node = index
    self.input = input
    self.weight = weight
    bias = node.operation.readsBias && node.inputs.count > 2 ? node.inputs[2] : nil
    let readers = consumers[node.output.index]
    if readers.count == 1, !network.outputs.contains(node.output),
      case .batchNormalization = network.nodes[readers[0]].operation
    {
      normalisation = readers[0]
    } else {
      normalisation = nil
    }
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

extension Network {
  /// Every layer that reads a prunable group, in execution order.
  func consumerLayers(_ groups: [ChannelGroup]) -> [ConsumerLayer] {
    let consumers = self.consumers()
    let indices = Set(groups.filter(\.isPrunable).flatMap(\.consumers)).sorted()
    return indices.compactMap { ConsumerLayer($0, in: self, consumers: consumers) }
  }
}

extension Operator {
  /// Whether a bias counts: a Gemm may multiply it by zero.
  fileprivate var readsBias: Bool {
    if case .gemm(let gemm) = self { gemm.beta != 0 } else { true }
  }
}
