import NetworkGraph
import ONNXSchema

/// Elementwise functions, in older words where the opset lacks them.
extension Exporter {
  mutating func write(_ function: Activation, _ node: Node, _ x: String) throws {
    switch function {
    case .clip(let low, let high): writeClip(low, high, node, x)
    case .silu:
      let gate = step("Sigmoid", node, "gate", inputs: [x])
      append("Mul", node, inputs: [x, gate])
    case .mish where opset < 18:
      let softplus = step("Softplus", node, "softplus", inputs: [x])
      append("Mul", node, inputs: [x, step("Tanh", node, "tanh", inputs: [softplus])])
    case .hardSwish where opset < 14:
      let gate = step(
        "HardSigmoid", node, "gate", inputs: [x],
        attributes: [.number("alpha", 1 / 6), .number("beta", 0.5)])
      append("Mul", node, inputs: [x, gate])
    case .gelu(let isApproximate):
      if isApproximate, opset < 20 { throw lacking(node, since: 20) }
      guard opset >= 20 else { return writeGelu(node, x) }
      append(
        "Gelu", node, inputs: [x],
        attributes: isApproximate ? [.text("approximate", "tanh")] : [])
    case .celu where opset < 12: throw lacking(node, since: 12)
    case .thresholdedRelu where opset < 10: throw lacking(node, since: 10)
    case .round where opset < 11: throw lacking(node, since: 11)
    default: append(function.name, node, inputs: [x], attributes: attributes(function))
    }
  }

  private func attributes(_ function: Activation) -> [Onnx_AttributeProto] {
    switch function {
    case .leakyRelu(let alpha), .thresholdedRelu(let alpha), .elu(let alpha), .celu(let alpha):
      [.number("alpha", alpha)]
    case .selu(let alpha, let gamma): [.number("alpha", alpha), .number("gamma", gamma)]
    case .hardSigmoid(let alpha, let beta): [.number("alpha", alpha), .number("beta", beta)]
    default: []
    }
  }

  /// x · (1 + erf(x / √2)) · ½.
  private mutating func writeGelu(_ node: Node, _ x: String) {
    let root = argument(Float(2).squareRoot(), of: node, "root")
    let scaled = step("Div", node, "scaled", inputs: [x, root])
    let erf = step("Erf", node, "erf", inputs: [scaled])
    let sum = step("Add", node, "sum", inputs: [erf, argument(1 as Float, of: node, "one")])
    let product = step("Mul", node, "product", inputs: [x, sum])
    append("Mul", node, inputs: [product, argument(0.5 as Float, of: node, "half")])
  }

  /// Infinite bounds are left out.
  private mutating func writeClip(_ low: Float, _ high: Float, _ node: Node, _ x: String) {
    let hasLow = low > -.infinity
    let hasHigh = high < .infinity
    guard opset >= 11 else {
      let bounds: [Onnx_AttributeProto?] = [
        hasLow ? .number("min", low) : nil, hasHigh ? .number("max", high) : nil,
      ]
      return append("Clip", node, inputs: [x], attributes: bounds.compactMap { $0 })
    }
    let minimum = hasLow ? argument(low, of: node, "min") : ""
    let maximum = hasHigh ? argument(high, of: node, "max") : ""
    append("Clip", node, inputs: [x, minimum, maximum])
  }
}
