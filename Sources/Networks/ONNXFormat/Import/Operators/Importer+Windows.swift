import NetworkGraph

extension OperatorReader {
  private static let window: Set = ["auto_pad", "dilations", "kernel_shape", "pads", "strides"]

  /// Convolutions and pools: operators with windows over the spatial axes.
  static let windows: [String: OperatorReader] = [
    "Conv": .init(window.union(["group"])) { try $0.convolution($1) },
    "ConvTranspose": .init(window.union(["group", "output_padding", "output_shape"])) {
      try $0.transposedConvolution($1)
    },
    "MaxPool": .init(window.union(["ceil_mode", "storage_order"])) { try $0.pooling($1) },
    "AveragePool": .init(window.union(["ceil_mode", "count_include_pad"])) { try $0.pooling($1) },
    "GlobalMaxPool": .init { try $0.globalPooling(.maximum, $1) },
    "GlobalAveragePool": .init {
      try $0.globalPooling(.average(countsPadding: false), $1)
    },
  ]
}

/// Strides, dilations and pads of a window, per spatial axis.
struct Window {
  var strides: [Int]
  var dilations: [Int]
  var padsBefore: [Int]
  var padsAfter: [Int]
}

extension Importer {
  fileprivate mutating func convolution(_ node: NodeReader) throws -> Symbol {
    let x = try activation(node)
    let weight = try requiredWeight(node, 1, "weight")
    let groups = try layerGroups(node, weight: weight.shape, x.shape)
    guard weight.shape[0] % groups == 0, .fixed(weight.shape[1] * groups) == x.shape[1] else {
      throw misfit(node, weight: weight.shape, groups: groups, x.shape)
    }
    let kernel = try kernel(node, weight: weight.shape)
    let bias = try self.weight(node, 2, "bias", fitting: [weight.shape[0]])
    let window = try self.window(node, kernel: kernel, x.shape)
    let convolution = Convolution(
      kernel: kernel, strides: window.strides, dilations: window.dilations,
      padsBefore: window.padsBefore, padsAfter: window.padsAfter, groups: groups)
    return .activation(
      try add(.convolution(convolution), [x.id, weight.id, bias?.id], for: node))
  }

  fileprivate mutating func transposedConvolution(_ node: NodeReader) throws -> Symbol {
    let x = try activation(node)
    let weight = try requiredWeight(node, 1, "weight")
    let groups = try layerGroups(node, weight: weight.shape, x.shape)
    guard .fixed(weight.shape[0]) == x.shape[1], weight.shape[0] % groups == 0 else {
      throw misfit(node, weight: weight.shape, groups: groups, x.shape)
    }
    let kernel = try kernel(node, weight: weight.shape)
    let bias = try self.weight(node, 2, "bias", fitting: [weight.shape[1] * groups])
    let convolution = try TransposedWindow(node, kernel: kernel, x: x.shape).convolution(
      groups: groups)
    return .activation(
      try add(.transposedConvolution(convolution), [x.id, weight.id, bias?.id], for: node))
  }

  private func layerGroups(_ node: NodeReader, weight: [Int], _ x: Shape) throws -> Int {
    let groups = try node.integer("group", default: 1)
    guard weight.count == x.rank, x.rank > 2,
      (1...NodeReader.maximumAttribute).contains(groups)
    else { throw misfit(node, weight: weight, groups: groups, x) }
    return groups
  }

  private func misfit(
    _ node: NodeReader, weight: [Int], groups: Int, _ x: Shape
  ) -> ONNXError {
    let grouping = groups == 1 ? "" : " with \(groups) groups"
    return node.failure(
      .invalidTensor, "its weight of shape \(weight)\(grouping) does not fit x \(x)")
  }

  private func kernel(_ node: NodeReader, weight: [Int]) throws -> [Int] {
    let kernel = Array(weight[2...])
    if let stated = try node.integers("kernel_shape"), !stated.isEmpty, stated != kernel {
      throw node.failure(
        .invalidTensor,
        "its weight of shape \(weight) does not fit attribute kernel_shape \(stated)")
    }
    return kernel
  }

  fileprivate mutating func globalPooling(
    _ kind: Pooling.Kind, _ node: NodeReader
  ) throws -> Symbol {
    let x = try activation(node)
    return .activation(try add(.pooling(Pooling(kind: kind, kernel: nil)), [x.id], for: node))
  }

  fileprivate mutating func pooling(_ node: NodeReader) throws -> Symbol {
    let x = try activation(node)
    guard x.shape.rank > 2, node.has("kernel_shape") else {
      throw node.failure(
        .invalidGraph, "it needs attribute kernel_shape, and spatial axes in x \(x.shape)")
    }
    let kernel = try node.amounts(
      "kernel_shape", count: x.shape.rank - 2, minimum: 1, default: 1)
    let window = try self.window(node, kernel: kernel, x.shape)
    let kind: Pooling.Kind =
      if node.type == "MaxPool" {
        .maximum
      } else {
        .average(countsPadding: try node.flag("count_include_pad", default: false))
      }
    let pooling = Pooling(
      kind: kind, kernel: kernel, strides: window.strides, dilations: window.dilations,
      padsBefore: window.padsBefore, padsAfter: window.padsAfter,
      roundsUp: try node.flag("ceil_mode", default: false))
    return .activation(try add(.pooling(pooling), [x.id], for: node))
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
    case let mode: throw node.unknownPadding(mode)
    }
  }
}

extension NodeReader {
  func unknownPadding(_ mode: String) -> ONNXError {
    failure(
      .invalidGraph, "attribute auto_pad is \"\(mode)\"; it must be one of ONNX's four modes")
  }
}
