import NetworkGraph
import ONNXSchema

/// Operators that take parts of a value, move its elements or repeat them.
extension Exporter {
  /// Writes slices that partition an axis as the Split they came from.
  mutating func write(split parts: [Node]) throws {
    guard let first = parts.first, let x = first.inputs[0] else { return }
    let ranges = parts.compactMap(SplitParts.range)
    let lengths = ranges.map { $0.end - $0.start }
    var attributes: [Onnx_AttributeProto] = [.integer("axis", ranges.first?.axis ?? 0)]
    var inputs = [try name(x)]
    if opset < 13 {
      attributes.append(.integers("split", lengths))
    } else {
      inputs.append(argument(lengths, of: first, "split"))
    }
    append(
      "Split", name: SplitParts.stem(of: first), inputs: inputs,
      outputs: parts.map { network[$0.output].name },
      attributes: attributes)
  }

  mutating func write(_ slice: Slice, _ node: Node, _ x: String) throws {
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
    guard steps.allSatisfy({ $0 == 1 }) else { throw lacking(node, since: 10) }
    append(
      "Slice", node, inputs: [x],
      attributes: [
        .integers("axes", axes), .integers("ends", ends), .integers("starts", starts),
      ])
  }

  mutating func write(_ pad: Pad, _ node: Node, _ x: String) throws {
    let pads = pad.before + pad.after
    let mode: (name: String, value: Float) =
      switch pad.mode {
      case .constant(let value): ("constant", value)
      case .reflect: ("reflect", 0)
      case .edge: ("edge", 0)
      case .wrap: ("wrap", 0)
      }
    if pad.mode == .wrap, opset < 19 { throw lacking(node, since: 19) }
    let attribute = Onnx_AttributeProto.text("mode", mode.name)
    guard opset >= 11 else {
      return append(
        "Pad", node, inputs: [x],
        attributes: [attribute, .integers("pads", pads), .number("value", mode.value)])
    }
    let value = mode.value == 0 ? "" : argument(mode.value, of: node, "value")
    append(
      "Pad", node, inputs: [x, argument(pads, of: node, "pads"), value], attributes: [attribute])
  }

  /// A regular shuffle in the three nodes of its kind, any other choice as it is.
  mutating func write(_ gather: Gather, _ node: Node, _ x: String) {
    guard let input = node.inputs[0],
      let shuffle = ChannelShuffle(gather, of: network[input].shape)
    else {
      let indices = argument(gather.indices, of: node, "indices")
      return append(
        "Gather", node, inputs: [x, indices], attributes: [.integer("axis", gather.axis)])
    }
    let split = argument(shuffle.split, of: node, "groups")
    let parts = step("Reshape", node, "split", inputs: [x, split])
    let swapped = step(
      "Transpose", node, "swap", inputs: [parts],
      attributes: [.integers("perm", shuffle.permutation)])
    append("Reshape", node, inputs: [swapped, argument(shuffle.joined, of: node, "shape")])
  }

  mutating func write(_ reshape: Reshape, _ node: Node, _ x: String) {
    let source = node.inputs[0].map { network[$0].shape } ?? Shape([Int]())
    // 0 copies the batch from x where it keeps its axis; elsewhere it is what is left.
    let target = reshape.target.dimensions.enumerated().map { axis, dimension in
      dimension.extent ?? (axis < source.rank && source[axis] == dimension ? 0 : -1)
    }
    append("Reshape", node, inputs: [x, argument(target, of: node, "shape")])
  }

  mutating func write(_ expand: Expand, _ node: Node, _ x: String) {
    let source = node.inputs[0].map { network[$0].shape } ?? Shape([Int]())
    let missing = expand.target.rank - source.rank
    // 1 keeps what x has.
    let target = Shape(
      expand.target.dimensions.enumerated().map { axis, dimension in
        axis >= missing && source[axis - missing] == dimension ? .fixed(1) : dimension
      })
    append("Expand", node, inputs: [x, runtimeShape(target, of: node)])
  }
}
