import NetworkGraph
import ONNXSchema

/// What each operator is in ONNX.
extension Exporter {
  mutating func write(_ node: Node) throws {
    if case .normalization(let normalization) = node.operation {
      return try write(normalization, node)
    }
    let inputs = try inputNames(node)
    let x = inputs.first ?? ""
    switch node.operation {
    case .convolution(let convolution):
      append("Conv", node, inputs: inputs, attributes: attributes(convolution))
    case .transposedConvolution(let convolution):
      append("ConvTranspose", node, inputs: inputs, attributes: attributes(convolution))
    case .batchNormalization(let normalization):
      append(
        "BatchNormalization", node, inputs: inputs,
        attributes: [.number("epsilon", normalization.epsilon)])
    case .localResponseNormalization(let normalization):
      append("LRN", node, inputs: inputs, attributes: attributes(normalization))
    case .activation(let function): try write(function, node, x)
    case .parametricRelu: append("PRelu", node, inputs: inputs)
    case .elementwise(let function): append(function.name, node, inputs: inputs)
    case .pooling(let pooling):
      append(pooling.name, node, inputs: inputs, attributes: try attributes(pooling, node))
    case .reduction(let reduction): write(reduction, node, x)
    case .argMax(let argMax): try write(argMax, node, x)
    case .gemm(let gemm): write(gemm, node, inputs)
    case .matrixProduct: append("MatMul", node, inputs: inputs)
    case .softmax(let softmax): try write(softmax, node, x)
    case .concat(let concat):
      append("Concat", node, inputs: inputs, attributes: [.integer("axis", concat.axis)])
    case .slice(let slice): try write(slice, node, x)
    case .gather(let gather): write(gather, node, x)
    case .pad(let pad): try write(pad, node, x)
    case .resize(let resize): try write(resize, node, x)
    case .cast(let cast):
      append(
        "Cast", node, inputs: inputs, attributes: [.integer("to", cast.type.dataType.rawValue)])
    default: writeMoved(node, x)
    }
  }

  /// Operators that give the same elements another shape or order.
  private mutating func writeMoved(_ node: Node, _ x: String) {
    switch node.operation {
    case .flatten(let flatten):
      append("Flatten", node, inputs: [x], attributes: [.integer("axis", flatten.axis)])
    case .reshape(let reshape): write(reshape, node, x)
    case .transpose(let transpose):
      append(
        "Transpose", node, inputs: [x], attributes: [.integers("perm", transpose.permutation)])
    case .expand(let expand): write(expand, node, x)
    case .depthToSpace(let operation):
      var attributes = [Onnx_AttributeProto.integer("blocksize", operation.size)]
      // Opset 9 and 10 have no other mode, and no word for it.
      if operation.placesAreFast { attributes.append(.text("mode", "CRD")) }
      append("DepthToSpace", node, inputs: [x], attributes: attributes)
    case .spaceToDepth(let operation):
      append(
        "SpaceToDepth", node, inputs: [x], attributes: [.integer("blocksize", operation.size)])
    default: break
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

  private func attributes(_ convolution: TransposedConvolution) -> [Onnx_AttributeProto] {
    [
      .integers("dilations", convolution.dilations), .integer("group", convolution.groups),
      .integers("kernel_shape", convolution.kernel),
      .integers("output_padding", convolution.outputPadding),
      .integers("pads", convolution.padsBefore + convolution.padsAfter),
      .integers("strides", convolution.strides),
    ]
  }

  private func attributes(
    _ normalization: LocalResponseNormalization
  ) -> [Onnx_AttributeProto] {
    [
      .number("alpha", normalization.alpha), .number("beta", normalization.beta),
      .number("bias", normalization.bias), .integer("size", normalization.size),
    ]
  }

  private func attributes(_ pooling: Pooling, _ node: Node) throws -> [Onnx_AttributeProto] {
    guard let kernel = pooling.kernel else { return [] }
    var result: [Onnx_AttributeProto] = [
      .integers("kernel_shape", kernel),
      .integers("pads", pooling.padsBefore + pooling.padsAfter),
      .integers("strides", pooling.strides),
    ]
    // Pools of opset 9 do not know the attribute.
    if pooling.roundsUp {
      guard opset >= 10 else { throw lacking(node, since: 10) }
      result.append(.integer("ceil_mode", 1))
    }
    if pooling.dilations.contains(where: { $0 != 1 }) {
      let since: Int64 = pooling.kind == .maximum ? 10 : 19
      guard opset >= since else { throw lacking(node, since: since) }
      result.append(.integers("dilations", pooling.dilations))
    }
    if pooling.kind == .average(countsPadding: true) {
      result.append(.integer("count_include_pad", 1))
    }
    return result
  }

  private mutating func write(_ reduction: Reduction, _ node: Node, _ x: String) {
    let keepsAxes = Onnx_AttributeProto.integer("keepdims", reduction.keepsAxes ? 1 : 0)
    guard opset >= (reduction.kind == .sum ? 13 : 18) else {
      return append(
        reduction.kind.name, node, inputs: [x],
        attributes: [.integers("axes", reduction.axes), keepsAxes])
    }
    let axes = argument(reduction.axes, of: node, "axes")
    append(reduction.kind.name, node, inputs: [x, axes], attributes: [keepsAxes])
  }

  private mutating func write(_ argMax: ArgMax, _ node: Node, _ x: String) throws {
    var attributes: [Onnx_AttributeProto] = [
      .integer("axis", argMax.axis), .integer("keepdims", argMax.keepsAxis ? 1 : 0),
    ]
    if argMax.selectsLast {
      guard opset >= 12 else { throw lacking(node, since: 12) }
      attributes.append(.integer("select_last_index", 1))
    }
    append(node.operation.name, node, inputs: [x], attributes: attributes)
  }

  /// Before opset 13 a softmax joins its axis with those that follow.
  private mutating func write(_ softmax: Softmax, _ node: Node, _ x: String) throws {
    let shape = network[node.output].shape
    let following = shape.dimensions.dropFirst(softmax.axis + 1)
    guard opset >= 13 || following.allSatisfy({ $0 == .fixed(1) }) else {
      throw lacking(node, since: 13)
    }
    append(
      node.operation.name, node, inputs: [x], attributes: [.integer("axis", softmax.axis)])
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
}
