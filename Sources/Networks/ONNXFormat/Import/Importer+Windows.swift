import NetworkGraph

/// Convolutions and pools: operators with windows over the spatial axes.
extension Importer {
  /// Strides, dilations and pads of a window, per spatial axis.
  private struct Window {
    var strides: [Int]
    var dilations: [Int]
    var padsBefore: [Int]
    var padsAfter: [Int]
  }

  mutating func convolution(_ node: NodeReader) throws -> Translation {
    let x = try activation(node)
    let weight = try requiredWeight(node, 1, "weight")
    guard weight.shape.count == x.shape.rank, x.shape.rank > 2 else {
      throw node.failure(
        .invalidTensor, "its weight of shape \(weight.shape) does not fit x \(x.shape)")
    }
    let groups = try node.integer("group", default: 1)
    guard (1...NodeReader.maximumAttribute).contains(groups), weight.shape[0] % groups == 0,
      weight.shape[1] * groups == x.shape[1].extent
    else {
      throw node.failure(
        .invalidTensor,
        "its weight of shape \(weight.shape) with \(groups) groups does not fit x \(x.shape)")
    }
    let kernel = Array(weight.shape[2...])
    if let stated = try node.integers("kernel_shape"), !stated.isEmpty, stated != kernel {
      throw node.failure(
        .invalidTensor,
        "its weight of shape \(weight.shape) does not fit attribute kernel_shape \(stated)")
    }
    let bias = try self.weight(node, 2, "bias", fitting: [weight.shape[0]])
    let window = try self.window(node, kernel: kernel, x.shape)
    let convolution = Convolution(
      kernel: kernel, strides: window.strides, dilations: window.dilations,
      padsBefore: window.padsBefore, padsAfter: window.padsAfter, groups: groups)
    return .node(.convolution(convolution), [x.id, weight.id, bias?.id])
  }

  func pooling(_ node: NodeReader) throws -> Translation {
    let x = try activation(node)
    guard x.shape.rank > 2, node.has("kernel_shape") else {
      throw node.failure(
        .invalidGraph, "it needs attribute kernel_shape, and spatial axes in x \(x.shape)")
    }
    let kernel = try node.amounts(
      "kernel_shape", count: x.shape.rank - 2, minimum: 1, default: 1)
    let window = try self.window(node, kernel: kernel, x.shape)
    guard window.dilations.allSatisfy({ $0 == 1 }) else {
      throw node.failure(.unsupported, "its dilations \(window.dilations) must all be 1")
    }
    let kind: Pooling.Kind =
      if node.type == "MaxPool" {
        .maximum
      } else {
        .average(countsPadding: try node.flag("count_include_pad", default: false))
      }
    let pooling = Pooling(
      kind: kind, kernel: kernel, strides: window.strides, padsBefore: window.padsBefore,
      padsAfter: window.padsAfter, roundsUp: try node.flag("ceil_mode", default: false))
    return .node(.pooling(pooling), [x.id])
  }

  /// Reads a window; `auto_pad` is resolved to pads.
  private func window(_ node: NodeReader, kernel: [Int], _ x: Shape) throws -> Window {
    let rank = kernel.count
    let strides = try node.amounts("strides", count: rank, minimum: 1, default: 1)
    let dilations = try node.amounts("dilations", count: rank, minimum: 1, default: 1)
    let zeros = [Int](repeating: 0, count: rank)
    switch try node.text("auto_pad", default: "NOTSET") {
    case "NOTSET", "":
      let pads = try node.amounts("pads", count: 2 * rank, minimum: 0, default: 0)
      return Window(
        strides: strides, dilations: dilations, padsBefore: Array(pads[..<rank]),
        padsAfter: Array(pads[rank...]))
    case "VALID":
      return Window(
        strides: strides, dilations: dilations, padsBefore: zeros, padsAfter: zeros)
    case let mode where mode == "SAME_UPPER" || mode == "SAME_LOWER":
      // As many outputs as strides fit into the input; the odd zero goes after it, or before.
      let totals = (0..<rank).map { axis in
        let extent = x[axis + 2].extent ?? 1
        let outputs = (extent + strides[axis] - 1) / strides[axis]
        let window = dilations[axis] * (kernel[axis] - 1) + 1
        return max((outputs - 1) * strides[axis] + window - extent, 0)
      }
      let halves = totals.map { $0 / 2 }
      let rests = zip(totals, halves).map { $0 - $1 }
      return Window(
        strides: strides, dilations: dilations, padsBefore: mode == "SAME_UPPER" ? halves : rests,
        padsAfter: mode == "SAME_UPPER" ? rests : halves)
    case let mode:
      throw node.failure(
        .invalidGraph, "attribute auto_pad is \"\(mode)\"; it must be one of ONNX's four modes")
    }
  }
}
