import NetworkGraph
import ONNXSchema

/// Normalisations by a value's own statistics, spelled out where the opset lacks them.
extension Exporter {
  mutating func write(_ normalization: Normalization, _ node: Node) throws {
    guard normalization.counted.isEmpty else {
      throw ONNXError(
        .unsupported,
        "node \"\(node.name)\": a masked network cannot be written; write the sliced one")
    }
    let hasParameters = node.inputs.count > 2 && node.inputs[1] != nil && node.inputs[2] != nil
    let epsilon = Onnx_AttributeProto.number("epsilon", normalization.epsilon)
    switch normalization.extent {
    case .layer(let axis):
      guard opset >= 17, node.inputs.count > 1, node.inputs[1] != nil else {
        return try writeLayer(node, axis: axis, epsilon: normalization.epsilon)
      }
      append(
        "LayerNormalization", node, inputs: try inputNames(node),
        attributes: [.integer("axis", axis), epsilon])
    case .instance:
      append("InstanceNormalization", node, inputs: try inputNames(node), attributes: [epsilon])
    case .group(let groups):
      guard opset >= 21, hasParameters else {
        return try writeGroups(node, groups: groups, epsilon)
      }
      append(
        "GroupNormalization", node, inputs: try inputNames(node),
        attributes: [epsilon, .integer("num_groups", groups)])
    }
  }

  /// (x − mean) / √(mean of squares + ε), and then scale and shift.
  private mutating func writeLayer(_ node: Node, axis: Int, epsilon: Float) throws {
    let inputs = try inputNames(node)
    let axes = Array(axis..<network[node.output].shape.rank)
    let mean = writeMean(node, "mean", of: inputs[0], axes: axes)
    let centred = step("Sub", node, "centred", inputs: [inputs[0], mean])
    let two = argument(2 as Float, of: node, "two")
    let squares = step("Pow", node, "squares", inputs: [centred, two])
    let variance = writeMean(node, "variance", of: squares, axes: axes)
    let raised = step(
      "Add", node, "raised", inputs: [variance, argument(epsilon, of: node, "epsilon")])
    let deviation = step("Sqrt", node, "deviation", inputs: [raised])
    writeParameters(node, "Div", [centred, deviation], parameters: Array(inputs[1...]))
  }

  private mutating func writeMean(
    _ node: Node, _ role: String, of x: String, axes: [Int]
  ) -> String {
    guard opset >= 18 else {
      return step(
        "ReduceMean", node, role, inputs: [x],
        attributes: [.integers("axes", axes), .integer("keepdims", 1)])
    }
    return step(
      "ReduceMean", node, role, inputs: [x, argument(axes, of: node, "axes")],
      attributes: [.integer("keepdims", 1)])
  }

  /// An instance normalisation of groups, seen as channels of their own.
  private mutating func writeGroups(
    _ node: Node, groups: Int, _ epsilon: Onnx_AttributeProto
  ) throws {
    guard let x = node.inputs[0] else { return }
    let shape = network[x].shape
    let channels = shape[1].extent ?? 1
    let column = [channels] + Array(repeating: 1, count: shape.rank - 2)
    let parameters = try node.inputs.dropFirst().map { id in
      try id.map { try name($0, shape: column) } ?? ""
    }
    let split = argument([0, groups, -1], of: node, "groups")
    let parts = step("Reshape", node, "parts", inputs: [try name(x), split])
    let ones = argument([Float](repeating: 1, count: groups), of: node, "ones")
    let zeros = argument([Float](repeating: 0, count: groups), of: node, "zeros")
    let normalised = step(
      "InstanceNormalization", node, "normalised", inputs: [parts, ones, zeros],
      attributes: [epsilon])
    let whole = argument(shape.resolved(batch: 0), of: node, "shape")
    writeParameters(node, "Reshape", [normalised, whole], parameters: parameters)
  }

  /// An operator, then a product and a sum where there is something to multiply with and to add.
  private mutating func writeParameters(
    _ node: Node, _ type: String, _ inputs: [String], parameters: [String]
  ) {
    var steps = [(type: type, role: "plain", inputs: inputs)]
    for (type, role, parameter) in zip(zip(["Mul", "Add"], ["scaled", "shifted"]), parameters)
      .map({ ($0.0, $0.1, $1) }) where !parameter.isEmpty
    {
      steps.append((type, role, [parameter]))
    }
    var result: [String] = []
    for (place, item) in steps.enumerated() {
      let inputs = result + item.inputs
      if place == steps.count - 1 {
        append(item.type, node, inputs: inputs)
      } else {
        result = [step(item.type, node, item.role, inputs: inputs)]
      }
    }
  }
}
