import Tensors

/// A BatchNormalization's statistics and parameters, by channel.
public struct BatchNormalizationConstants: Sendable {
  public let epsilon: Float
  public let scale: [Float]
  public let shift: [Float]
  public let mean: [Float]
  public let variance: [Float]

  /// Nil where the node is another operation, or one of the four is computed.
  public init?(of node: Node, in network: Network) {
    guard case .batchNormalization(let operation) = node.operation else { return nil }
    let parts = node.inputs[1...].compactMap { network.constant($0)?.elements }
    guard parts.count == 4 else { return nil }
    epsilon = operation.epsilon
    (scale, shift, mean, variance) = (parts[0], parts[1], parts[2], parts[3])
  }
}
