import NetworkGraph
import Tensors

/// What the options mean for a network; the same for every backend.
extension ExecutionOptions {
  /// The values a run returns: taps, and the outputs where they are wanted.
  public func returnedValues(of network: Network) -> [ValueID] {
    taps + (wantsOutputs ? network.outputs.filter { !taps.contains($0) } : [])
  }

  /// The nodes a run computes, in order: those that a returned value depends on.
  ///
  /// Where nothing is returned but statistics are, every BatchNormalization is computed.
  ///
  /// - Throws: ``ExecutionError`` where a tap is no activation.
  public func executedNodes(of network: Network) throws -> [Int] {
    var wanted = returnedValues(of: network)
    let producers = network.producers()
    for id in wanted where !network.inputs.contains(id) && producers[id.index] == nil {
      throw ExecutionError(
        .unsupported, "\"\(network[id].name)\" is computed by no node and cannot be returned")
    }
    if wanted.isEmpty, batchNormalization == .batchStatistics {
      wanted = network.nodes.compactMap {
        if case .batchNormalization = $0.operation { $0.output } else { nil }
      }
    }
    var isNeeded = [Bool](repeating: false, count: network.values.count)
    for id in wanted { isNeeded[id.index] = true }
    for node in network.nodes.reversed() where isNeeded[node.output.index] {
      for case let input? in node.inputs { isNeeded[input.index] = true }
    }
    return network.nodes.indices.filter { isNeeded[network.nodes[$0].output.index] }
  }

  /// Checks that a batch has the shapes of the network's inputs, and 1…`batch` images in each.
  ///
  /// - Returns: The number of images; 1 for a network without a batch axis.
  /// - Throws: ``ExecutionError`` with `shapeMismatch`.
  @discardableResult
  public func check(_ inputs: [Tensor], for network: Network) throws -> Int {
    guard inputs.count == network.inputs.count else {
      throw ExecutionError(
        .shapeMismatch,
        "\(inputs.count) inputs for network \"\(network.name)\", which reads "
          + network.inputs.map { "\"\(network[$0].name)\"" }.joined(separator: ", "))
    }
    var images: Int?
    for (input, id) in zip(inputs, network.inputs) {
      let expected = network[id].shape
      let axis = expected.batchAxis
      let own = axis.map { $0 < input.rank ? input.shape[$0] : 0 } ?? images ?? 1
      guard (1...max(1, batch)).contains(own), images ?? own == own,
        input.shape == channelOrder.extents(of: expected, images: own)
      else {
        throw ExecutionError(
          .shapeMismatch,
          "input of shape \(input.shape) for \"\(network[id].name)\" of shape \(expected) and at "
            + "most \(batch) images, as many in every input; bring images of the network's size")
      }
      if axis != nil { images = own }
    }
    return images ?? 1
  }
}
