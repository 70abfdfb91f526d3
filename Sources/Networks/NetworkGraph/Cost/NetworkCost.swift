import Quantities
import Tensors

/// What a network costs to keep and to run, for one image in 32-bit floats.
public struct NetworkCost: Sendable, Hashable, Codable {
  /// Of convolutions and fully connected layers.
  public let macs: MACs
  /// Weights, biases and BatchNorm scale and shift; not the running statistics.
  public let parameters: ParameterCount
  /// Everything stored: parameters and running statistics, four bytes each.
  public let modelBytes: Bytes
  /// The greatest sum of live activations over the execution order, inputs and outputs included.
  public let peakActivationBytes: Bytes
}

extension Network {
  /// The cost of the network as it stands.
  public func cost() -> NetworkCost {
    let macs = nodes.reduce(Int64(0)) { $0 + self.macs(of: $1) }
    var parameters: Int64 = 0
    var stored: Int64 = 0
    let statistics = runningStatistics()
    for (index, value) in values.enumerated() {
      guard let constant = value.constant else { continue }
      stored += Int64(constant.count)
      if !statistics.contains(ValueID(index)) { parameters += Int64(constant.count) }
    }
    return NetworkCost(
      macs: MACs(macs), parameters: ParameterCount(parameters), modelBytes: Bytes(4 * stored),
      peakActivationBytes: Bytes(peakActivationBytes()))
  }

  /// Multiply–accumulates of one node for one image.
  public func macs(of node: Node) -> Int64 {
    guard let product = node.operation.rules.macs(node, in: self) else { return 0 }
    return product.axes.reduce(product.factor) {
      $0 * Int64(self[$1.value].shape[$1.axis].perImage)
    }
  }

  /// Means and variances of BatchNormalization nodes.
  func runningStatistics() -> Set<ValueID> {
    var result: Set<ValueID> = []
    for node in nodes {
      guard case .batchNormalization = node.operation else { continue }
      result.formUnion(node.inputs[3...].compactMap(\.self))
    }
    return result
  }

  private func peakActivationBytes() -> Int64 {
    liveActivations().map { live in
      live.reduce(Int64(0)) { $0 + 4 * Int64(self[$1].shape.elementsPerImage) }
    }.max() ?? 0
  }
}
