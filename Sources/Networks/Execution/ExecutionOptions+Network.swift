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
  /// - Throws: ``ExecutionError`` where the network has not one input, or a tap is no activation.
  public func executedNodes(of network: Network) throws -> [Int] {
    guard network.inputs.count == 1 else {
      throw ExecutionError(
        .unsupported,
        "network \"\(network.name)\" has \(network.inputs.count) inputs; export it with one")
    }
    var wanted = returnedValues(of: network)
    let producers = network.producers()
    for id in wanted where id != network.inputs[0] && producers[id.index] == nil {
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

  /// Checks that a batch has the network's input shape and 1…`batch` images.
  ///
  /// - Throws: ``ExecutionError`` with `shapeMismatch`.
  public func check(_ input: Tensor, for network: Network) throws {
    let expected = network[network.inputs[0]].shape
    let images = input.shape.first ?? 0
    guard (1...max(1, batch)).contains(images), input.shape == expected.resolved(batch: images)
    else {
      throw ExecutionError(
        .shapeMismatch,
        "input of shape \(input.shape) for \"\(network[network.inputs[0]].name)\" of shape "
          + "\(expected) and at most \(batch) images; bring images of the network's size")
    }
  }
}
