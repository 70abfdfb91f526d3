import NetworkGraph
import ONNXSchema

/// Resize, which is another operator in opset 9 and has other inputs in 10.
extension Exporter {
  mutating func write(_ resize: Resize, _ node: Node, _ x: String) throws {
    guard opset >= 11 else { return try writeOld(resize, node, x) }
    let scales: String
    var sizes = ""
    if resize.sizes.contains(where: { $0 != nil }) {
      // The output has its extents in `sizes`.
      sizes = runtimeShape(network[node.output].shape, of: node)
      scales = opset < 13 ? emptyFloats(node, "scales") : ""
    } else {
      scales = argument(resize.scales, of: node, "scales")
    }
    let roi = opset < 13 ? emptyFloats(node, "roi") : ""
    append(
      "Resize", node, inputs: [x, roi, scales, sizes], attributes: try attributes(resize, node))
  }

  private mutating func emptyFloats(_ node: Node, _ role: String) -> String {
    argument(Onnx_TensorProto("", shape: [0], floats: []), of: node, role)
  }

  private func attributes(_ resize: Resize, _ node: Node) throws -> [Onnx_AttributeProto] {
    var result: [Onnx_AttributeProto] = [
      .text("coordinate_transformation_mode", resize.coordinates.rawValue)
    ]
    if resize.coordinates == .halfPixelSymmetric, opset < 19 { throw lacking(node, since: 19) }
    switch resize.mode {
    case .nearest(let rounding):
      let name =
        switch rounding {
        case .roundPreferFloor: "round_prefer_floor"
        case .roundPreferCeiling: "round_prefer_ceil"
        case .floor: "floor"
        case .ceiling: "ceil"
        }
      result += [.text("mode", "nearest"), .text("nearest_mode", name)]
    case .linear: result.append(.text("mode", "linear"))
    case .cubic(let coefficient):
      result += [.text("mode", "cubic"), .number("cubic_coeff_a", coefficient)]
    }
    if resize.excludesOutside { result.append(.integer("exclude_outside", 1)) }
    if resize.antialiases {
      guard opset >= 18 else { throw lacking(node, since: 18) }
      result.append(.integer("antialias", 1))
    }
    return result
  }

  /// Before opset 11 there are scales only, and one meaning for them.
  private mutating func writeOld(_ resize: Resize, _ node: Node, _ x: String) throws {
    let shrinks = resize.scales.contains { $0 < 1 }
    let mode: String? =
      switch resize.mode {
      case .nearest(let rounding) where rounding == (shrinks ? .ceiling : .floor): "nearest"
      case .linear: "linear"
      default: nil
      }
    guard let mode, resize.coordinates == .asymmetric, !(shrinks && opset < 10),
      resize.sizes.allSatisfy({ $0 == nil })
    else { throw lacking(node, since: 11) }
    append(
      opset < 10 ? "Upsample" : "Resize", node,
      inputs: [x, argument(resize.scales, of: node, "scales")],
      attributes: [.text("mode", mode)])
  }
}
