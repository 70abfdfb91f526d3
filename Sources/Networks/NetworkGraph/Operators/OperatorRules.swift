/// What an operator means for shapes, cost, coupling and surgery; one file per operator holds all.
protocol OperatorRules {
  /// The shape of the output, from the shapes of the inputs in the node's order.
  ///
  /// - Throws: ``NetworkError`` without the node's name, which the caller adds.
  func outputShape(of inputs: [Shape?]) throws -> Shape

  /// Multiply–accumulates for one image, of convolutions and fully connected layers only.
  func macs(inputs: [Shape?], output: Shape) -> Int64

  /// States which channels of inputs, weights and output must be kept or removed together.
  func couple(_ node: Node, in network: Network, into coupling: inout ChannelCoupling)

  /// The operator after channels were removed around it; attributes that count channels change.
  ///
  /// - Parameter kept: The indices kept along an axis, sorted; nil where the axis is whole.
  func pruned(_ node: Node, in network: Network, keeping kept: (AxisID) -> [Int]?) -> Operator
}

extension OperatorRules {
  func macs(inputs: [Shape?], output: Shape) -> Int64 { 0 }
}

/// Rules of an operator that treats every channel alone: output channel c is made of channel c.
protocol ChannelwiseRules: OperatorRules {}

extension ChannelwiseRules {
  func couple(_ node: Node, in network: Network, into coupling: inout ChannelCoupling) {
    guard let x = node.inputs.first ?? nil else { return }
    coupling.tie(.channel(x), .channel(node.output))
  }

  func pruned(
    _ node: Node, in network: Network, keeping kept: (AxisID) -> [Int]?
  ) -> Operator { node.operation }
}

extension Operator {
  /// The rules of the operator.
  var rules: any OperatorRules {
    switch self {
    case .convolution(let rules): rules
    case .batchNormalization(let rules): rules
    case .activation(let rules): rules
    case .add: Add()
    case .pooling(let rules): rules
    case .reduceMean(let rules): rules
    case .flatten(let rules): rules
    case .reshape(let rules): rules
    case .gemm(let rules): rules
    case .slice(let rules): rules
    case .pad(let rules): rules
    case .softmax(let rules): rules
    }
  }

  /// The operator's name in ONNX's words, for people.
  public var name: String {
    switch self {
    case .convolution: "Conv"
    case .batchNormalization: "BatchNormalization"
    case .activation(let function): function.name
    case .add: "Add"
    case .pooling(let pooling): pooling.name
    case .reduceMean: "ReduceMean"
    case .flatten: "Flatten"
    case .reshape: "Reshape"
    case .gemm: "Gemm"
    case .slice: "Slice"
    case .pad: "Pad"
    case .softmax: "Softmax"
    }
  }

  /// The shape of the output.
  ///
  /// - Parameters:
  ///   - inputs: Shapes of activations and weights in the node's order; nil where left out.
  ///   - node: The node's name, for errors.
  /// - Throws: ``NetworkError`` with `shapeMismatch`, naming the node.
  public func outputShape(of inputs: [Shape?], node: String) throws -> Shape {
    do {
      return try rules.outputShape(of: inputs)
    } catch let error as NetworkError {
      throw NetworkError(error.code, "node \"\(node)\" (\(name)): \(error.message)")
    }
  }
}

extension Operator {
  /// The operator after channels were removed around it; attributes that count channels change.
  ///
  /// - Parameters:
  ///   - node: The node before surgery, in `network` before surgery.
  ///   - kept: The indices kept along an axis, sorted; nil where the axis is whole.
  public func pruned(
    _ node: Node, in network: Network, keeping kept: (AxisID) -> [Int]?
  ) -> Operator { rules.pruned(node, in: network, keeping: kept) }
}

extension [Shape?] {
  /// The input at `index`, which the operator cannot do without.
  func required(_ index: Int, _ role: String) throws -> Shape {
    guard index < count, let shape = self[index] else {
      throw NetworkError(.invalidGraph, "input \(index) (\(role)) is missing")
    }
    return shape
  }

  /// The same, with at least `rank` axes.
  func required(_ index: Int, _ role: String, minimumRank rank: Int) throws -> Shape {
    let shape = try required(index, role)
    guard shape.rank >= rank else {
      throw NetworkError(
        .shapeMismatch, "input \(index) (\(role)) has shape \(shape); it needs \(rank) axes or more"
      )
    }
    return shape
  }
}

extension Shape {
  /// The extent of an axis that must be known.
  func extent(_ axis: Int, _ role: String) throws -> Int {
    guard let extent = self[axis].extent else {
      throw NetworkError(.shapeMismatch, "axis \(axis) of \(role) is the batch; it must be fixed")
    }
    return extent
  }
}
