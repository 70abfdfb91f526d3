import NetworkGraph
import ONNXSchema

/// What each operator is in ONNX.
extension Exporter {
  mutating func write(_ node: Node) throws {
    let inputs = inputNames(node)
    let x = inputs.first ?? ""
    switch node.operation {
    case .convolution(let convolution):
      append("Conv", node, inputs: inputs, attributes: attributes(convolution))
    case .batchNormalization(let normalization):
      append(
        "BatchNormalization", node, inputs: inputs,
        attributes: [.number("epsilon", normalization.epsilon)])
    case .activation(let function): try write(function, node, x)
    case .elementwise(let function): append(function.name, node, inputs: inputs)
    case .pooling(let pooling):
      append(pooling.name, node, inputs: inputs, attributes: attributes(pooling))
    case .reduction(let reduction): write(reduction, node, x)
    case .flatten(let flatten):
      append("Flatten", node, inputs: inputs, attributes: [.integer("axis", flatten.axis)])
    case .reshape(let reshape):
      // 0 copies the batch from x.
      let target = reshape.target.resolved(batch: 0)
      append("Reshape", node, inputs: [x, argument(target, of: node, "shape")])
    case .gemm(let gemm): write(gemm, node, inputs)
    case .slice(let slice): try write(slice, node, x)
    case .pad(let pad): write(pad, node, x)
    case .softmax(let softmax):
      append("Softmax", node, inputs: inputs, attributes: [.integer("axis", softmax.axis)])
    default: throw ONNXError(.unsupported, "node \"\(node.name)\" is not written yet")
    }
  }

  private func attributes(_ convolution: Convolution) -> [Onnx_AttributeProto] {
    [
      .integers("dilations", convolution.dilations), .integer("group", convolution.groups),
      .integers("kernel_shape", convolution.kernel),
      .integers("pads", convolution.padsBefore + convolution.padsAfter),
      .integers("strides", convolution.strides),
    ]
  }

  private func attributes(_ pooling: Pooling) -> [Onnx_AttributeProto] {
    guard let kernel = pooling.kernel else { return [] }
    var result: [Onnx_AttributeProto] = [
      .integers("kernel_shape", kernel),
      .integers("pads", pooling.padsBefore + pooling.padsAfter),
      .integers("strides", pooling.strides),
    ]
    // Average pools of opset 9 do not know the attribute.
    if pooling.roundsUp { result.append(.integer("ceil_mode", 1)) }
    if pooling.kind == .average(countsPadding: true) {
      result.append(.integer("count_include_pad", 1))
    }
    return result
  }

  private mutating func write(_ function: Activation, _ node: Node, _ x: String) throws {
    switch function {
    case .relu: append("Relu", node, inputs: [x])
    case .sigmoid: append("Sigmoid", node, inputs: [x])
    case .tanh: append("Tanh", node, inputs: [x])
    case .leakyRelu(let alpha):
      append("LeakyRelu", node, inputs: [x], attributes: [.number("alpha", alpha)])
    case .hardSigmoid(let alpha, let beta):
      append(
        "HardSigmoid", node, inputs: [x],
        attributes: [.number("alpha", alpha), .number("beta", beta)])
    case .hardSwish:
      guard opset >= 14 else {
        throw ONNXError(
          .unsupported,
          "node \"\(node.name)\": HardSwish needs opset 14, and the network has opset \(opset)")
      }
      append("HardSwish", node, inputs: [x])
    case .clip(let low, let high): writeClip(low, high, node, x)
    default: throw ONNXError(.unsupported, "node \"\(node.name)\" is not written yet")
    }
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

  private mutating func write(_ mean: Reduction, _ node: Node, _ x: String) {
    let keepsAxes = Onnx_AttributeProto.integer("keepdims", mean.keepsAxes ? 1 : 0)
    if opset < 18 {
      append(
        "ReduceMean", node, inputs: [x], attributes: [.integers("axes", mean.axes), keepsAxes])
    } else {
      let axes = argument(mean.axes, of: node, "axes")
      append("ReduceMean", node, inputs: [x, axes], attributes: [keepsAxes])
    }
  }

  private mutating func write(_ gemm: Gemm, _ node: Node, _ inputs: [String]) {
    let hasBias = node.inputs.count > 2 && node.inputs[2] != nil
    if !hasBias, !gemm.transposesWeight, gemm.alpha == 1 {
      return append("MatMul", node, inputs: inputs)
    }
    var inputs = inputs
    // Before opset 11 a Gemm must have a bias.
    if !hasBias, opset < 11 {
      inputs = Array(inputs[..<2]) + [argument(0 as Float, of: node, "bias")]
    }
    append(
      "Gemm", node, inputs: inputs,
      attributes: [
        .number("alpha", gemm.alpha), .number("beta", gemm.beta),
        .integer("transB", gemm.transposesWeight ? 1 : 0),
      ])
  }

  private mutating func write(_ slice: Slice, _ node: Node, _ x: String) throws {
    let starts = slice.ranges.map(\.start)
    let ends = slice.ranges.map(\.end)
    let axes = slice.ranges.map(\.axis)
    let steps = slice.ranges.map(\.step)
    guard opset < 10 else {
      let names = [
        argument(starts, of: node, "starts"), argument(ends, of: node, "ends"),
        argument(axes, of: node, "axes"), argument(steps, of: node, "steps"),
      ]
      return append("Slice", node, inputs: [x] + names)
    }
    guard steps.allSatisfy({ $0 == 1 }) else {
      throw ONNXError(
        .unsupported,
        "node \"\(node.name)\": Slice with steps needs opset 10, and the network has \(opset)")
    }
    append(
      "Slice", node, inputs: [x],
      attributes: [
        .integers("axes", axes), .integers("ends", ends), .integers("starts", starts),
      ])
  }

  private mutating func write(_ pad: Pad, _ node: Node, _ x: String) {
    let mode = Onnx_AttributeProto.text("mode", "constant")
    let pads = pad.before + pad.after
    guard case .constant(let fill) = pad.mode else { return }
    guard opset >= 11 else {
      return append(
        "Pad", node, inputs: [x],
        attributes: [mode, .integers("pads", pads), .number("value", fill)])
    }
    let value = fill == 0 ? "" : argument(fill, of: node, "value")
    append("Pad", node, inputs: [x, argument(pads, of: node, "pads"), value], attributes: [mode])
  }
}
