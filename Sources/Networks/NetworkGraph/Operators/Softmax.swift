/// exp(x) / Σ exp(x) along one axis, or its logarithm.
public struct Softmax: Sendable, Hashable {
  public var axis: Int
  public var isLogarithm: Bool

  public init(axis: Int, isLogarithm: Bool = false) {
    self.axis = axis
    self.isLogarithm = isLogarithm
  }
}

extension Softmax: OperatorRules {
  func outputShape(of inputs: [Shape?]) throws -> Shape {
    let x = try inputs.required(0, "x")
    try x.check(axis: axis, "normalising over")
    return x
  }

  func couple(_ node: Node, in network: Network, into coupling: inout ChannelCoupling) {
    guard let x = node.inputs[0] else { return }
    coupling.tieEqualAxes(x, node.output)
    coupling.protect(AxisID(x, axis), "\"\(node.name)\" normalises over its channels")
  }
}
