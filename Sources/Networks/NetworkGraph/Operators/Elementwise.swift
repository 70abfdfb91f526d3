/// An elementwise function of two values, axes aligned at the last and extents of 1 repeated.
public enum Elementwise: String, Sendable, Hashable, CaseIterable {
  case add, subtract, multiply, divide, minimum, maximum, power

  /// The ONNX operator's name.
  public var name: String {
    switch self {
    case .add: "Add"
    case .subtract: "Sub"
    case .multiply: "Mul"
    case .divide: "Div"
    case .minimum: "Min"
    case .maximum: "Max"
    case .power: "Pow"
    }
  }
}

extension Elementwise: OperatorRules {
  func outputShape(of inputs: [Shape?]) throws -> Shape {
    try .broadcast(inputs.required(0, "a"), inputs.required(1, "b"))
  }

  func couple(_ node: Node, in network: Network, into coupling: inout ChannelCoupling) {
    coupling.tieBroadcast(node.inputs.compactMap(\.self), node.output)
  }
}

/// max(x, 0) + slope · min(x, 0), with slopes that broadcast to x.
struct ParametricRelu: OperatorRules {
  func outputShape(of inputs: [Shape?]) throws -> Shape {
    let x = try inputs.required(0, "x")
    let slope = try inputs.required(1, "slope")
    guard try Shape.broadcast(x, slope) == x else {
      throw NetworkError(.shapeMismatch, "slope \(slope) does not broadcast to x \(x)")
    }
    return x
  }

  func couple(_ node: Node, in network: Network, into coupling: inout ChannelCoupling) {
    coupling.tieBroadcast(node.inputs.compactMap(\.self), node.output)
  }
}
