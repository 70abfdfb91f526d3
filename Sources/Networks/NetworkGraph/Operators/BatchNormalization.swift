/// Normalisation by stored statistics: y = scale · (x − mean) / √(variance + ε) + shift.
public struct BatchNormalization: Sendable, Hashable {
  public var epsilon: Float

  public init(epsilon: Float = 1e-5) { self.epsilon = epsilon }
}

extension BatchNormalization: ChannelwiseRules {
  func outputShape(of inputs: [Shape?]) throws -> Shape {
    let x = try inputs.required(0, "x", minimumRank: 2)
    let channels = try x.extent(1, "x")
    for (index, role) in ["scale", "shift", "mean", "variance"].enumerated() {
      let parameter = try inputs.required(index + 1, role)
      guard parameter == Shape([channels]) else {
        throw NetworkError(
          .shapeMismatch, "\(role) \(parameter) does not fit \(channels) channels of x \(x)")
      }
    }
    return x
  }

  func couple(_ node: Node, in network: Network, into coupling: inout ChannelCoupling) {
    guard let x = node.inputs[0] else { return }
    coupling.tieEqualAxes(x, node.output)
    for case let parameter? in node.inputs[1...] { coupling.tie(.channel(x), AxisID(parameter, 0)) }
  }
}
