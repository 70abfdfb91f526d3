import NetworkGraph

extension OperatorReader {
  /// Functions of single elements.
  static let activations: [String: OperatorReader] = [
    "Relu": .activation { _ in .relu },
    "Sigmoid": .activation { _ in .sigmoid },
    "Tanh": .activation { _ in .tanh },
    "HardSwish": .activation { _ in .hardSwish },
    "Mish": .activation { _ in .mish },
    "Softplus": .activation { _ in .softplus },
    "Softsign": .activation { _ in .softsign },
    "Erf": .activation { _ in .erf },
    "Exp": .activation { _ in .exponential },
    "Log": .activation { _ in .logarithm },
    "Sqrt": .activation { _ in .squareRoot },
    "Reciprocal": .activation { _ in .reciprocal },
    "Abs": .activation { _ in .absolute },
    "Neg": .activation { _ in .negation },
    "Floor": .activation { _ in .floor },
    "Ceil": .activation { _ in .ceiling },
    "Round": .activation { _ in .round },
    "LeakyRelu": .activation(["alpha"]) {
      .leakyRelu(alpha: try $0.number("alpha", default: 0.01))
    },
    "ThresholdedRelu": .activation(["alpha"]) {
      .thresholdedRelu(alpha: try $0.number("alpha", default: 1))
    },
    "Elu": .activation(["alpha"]) { .elu(alpha: try $0.number("alpha", default: 1)) },
    "Celu": .activation(["alpha"]) { .celu(alpha: try $0.number("alpha", default: 1)) },
    "Selu": .activation(["alpha", "gamma"]) {
      .selu(
        alpha: try $0.number("alpha", default: 1.673_263_2),
        gamma: try $0.number("gamma", default: 1.050_701))
    },
    "HardSigmoid": .activation(["alpha", "beta"]) {
      .hardSigmoid(
        alpha: try $0.number("alpha", default: 0.2), beta: try $0.number("beta", default: 0.5))
    },
    "Gelu": .activation(["approximate"]) { node in
      switch try node.text("approximate", default: "none") {
      case "none": return .gelu(isApproximate: false)
      case "tanh": return .gelu(isApproximate: true)
      case let mode:
        throw node.failure(
          .invalidGraph, "attribute approximate is \"\(mode)\"; it must be none or tanh")
      }
    },
    "Clip": .init(["max", "min"]) { importer, node in
      let x = try importer.activation(node)
      let low = try importer.number(
        node, attribute: "min", input: 1, since: 11, default: -.infinity)
      let high = try importer.number(
        node, attribute: "max", input: 2, since: 11, default: .infinity)
      return .activation(try importer.add(.activation(.clip(low, high)), [x.id], for: node))
    },
    "Swish": .init(["alpha"]) { importer, node in
      let x = try importer.activation(node)
      let alpha = try node.number("alpha", default: 1)
      guard alpha != 1 else {
        return .activation(try importer.add(.activation(.silu), [x.id], for: node))
      }
      let factor = importer.addConstant(alpha, node, "alpha")
      let scaled = try importer.add(.elementwise(.multiply), [x.id, factor], for: node)
      let gate = try importer.add(.activation(.sigmoid), [scaled], for: node)
      return .activation(try importer.add(.elementwise(.multiply), [x.id, gate], for: node))
    },
  ]
}
