/// What an operator means for shapes, cost, coupling and surgery; one file per operator holds all.
protocol OperatorRules {
  /// The shape of the output, from the shapes of the inputs in the node's order.
  ///
  /// - Throws: ``NetworkError`` without the node's name, which the caller adds.
  func outputShape(of inputs: [Shape?]) throws -> Shape

  /// Multiply–accumulates for one image, of convolutions and matrix products only.
  func macs(_ node: Node, in network: Network) -> AxisProduct?

  /// The axes of the node's weights through which it writes and reads channels.
  func weightAxes(_ node: Node, in network: Network) -> WeightAxes

  /// States which channels of inputs, weights and output must be kept or removed together.
  ///
  /// An axis of an operand or of the output that is not mentioned is protected: what cannot be
  /// followed stays.
  func couple(_ node: Node, in network: Network, into coupling: inout ChannelCoupling)

  /// The operator after channels were removed around it; attributes that count channels change.
  ///
  /// - Parameter kept: The indices kept along an axis, sorted; nil where the axis is whole.
  func pruned(_ node: Node, in network: Network, keeping kept: (AxisID) -> [Int]?) -> Operator

  /// The operator that computes at full width what the pruned one computes, given that channels
  /// which are not kept are to be ignored: statistics over channels count those that are kept.
  func masked(_ node: Node, in network: Network, keeping kept: (AxisID) -> [Int]?) -> Operator
}

/// A product of a number and the extents of axes: `factor` · Π extents.
struct AxisProduct {
  var factor: Int64
  var axes: [AxisID]
}

/// Where a layer's weights write channels, and where they read them.
struct WeightAxes {
  var outputs: [AxisID] = []
  var inputs: [AxisID] = []
}

extension OperatorRules {
  func macs(_ node: Node, in network: Network) -> AxisProduct? { nil }

  func weightAxes(_ node: Node, in network: Network) -> WeightAxes { WeightAxes() }

  func pruned(
    _ node: Node, in network: Network, keeping kept: (AxisID) -> [Int]?
  ) -> Operator { node.operation }

  func masked(
    _ node: Node, in network: Network, keeping kept: (AxisID) -> [Int]?
  ) -> Operator { node.operation }
}

/// Rules of an operator that treats every element, or every channel, alone: axes that input and
/// output share go together index by index.
protocol ChannelwiseRules: OperatorRules {}

extension ChannelwiseRules {
  func couple(_ node: Node, in network: Network, into coupling: inout ChannelCoupling) {
    guard let x = node.inputs.first ?? nil else { return }
    coupling.tieEqualAxes(x, node.output)
  }
}

extension Operator {
  /// The rules of the operator.
  var rules: any OperatorRules {
    switch self {
    case .convolution(let rules): rules
    case .transposedConvolution(let rules): rules
    case .gemm(let rules): rules
    case .matrixProduct(let rules): rules
    case .batchNormalization(let rules): rules
    case .normalization(let rules): rules
    case .localResponseNormalization(let rules): rules
    case .activation(let rules): rules
    case .parametricRelu: ParametricRelu()
    case .elementwise(let rules): rules
    case .softmax(let rules): rules
    case .pooling(let rules): rules
    case .reduction(let rules): rules
    case .argMax(let rules): rules
    case .concat(let rules): rules
    case .slice(let rules): rules
    case .gather(let rules): rules
    case .pad(let rules): rules
    case .flatten(let rules): rules
    case .reshape(let rules): rules
    case .transpose(let rules): rules
    case .expand(let rules): rules
    case .resize(let rules): rules
    case .depthToSpace(let rules): rules
    case .spaceToDepth(let rules): rules
    case .cast(let rules): rules
    }
  }

  /// The operator's name in ONNX's words, for people.
  public var name: String {
    switch self {
    case .convolution: "Conv"
    case .transposedConvolution: "ConvTranspose"
    case .gemm: "Gemm"
    case .matrixProduct: "MatMul"
    case .batchNormalization: "BatchNormalization"
    case .normalization(let normalization): normalization.name
    case .localResponseNormalization: "LRN"
    case .activation(let function): function.name
    case .parametricRelu: "PRelu"
    case .elementwise(let function): function.name
    case .softmax(let softmax): softmax.isLogarithm ? "LogSoftmax" : "Softmax"
    case .pooling(let pooling): pooling.name
    case .reduction(let reduction): reduction.kind.name
    case .argMax(let argMax): argMax.isMinimum ? "ArgMin" : "ArgMax"
    case .concat: "Concat"
    case .slice: "Slice"
    case .gather: "Gather"
    case .pad: "Pad"
    case .flatten: "Flatten"
    case .reshape: "Reshape"
    case .transpose: "Transpose"
    case .expand: "Expand"
    case .resize: "Resize"
    case .depthToSpace: "DepthToSpace"
    case .spaceToDepth: "SpaceToDepth"
    case .cast: "Cast"
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

  /// The operator after channels were removed around it; attributes that count channels change.
  ///
  /// - Parameters:
  ///   - node: The node before surgery, in `network` before surgery.
  ///   - kept: The indices kept along an axis, sorted; nil where the axis is whole.
  public func pruned(
    _ node: Node, in network: Network, keeping kept: (AxisID) -> [Int]?
  ) -> Operator { rules.pruned(node, in: network, keeping: kept) }

  /// The operator that computes, at full width, what the pruned one computes; see
  /// ``pruned(_:in:keeping:)``.
  public func masked(
    _ node: Node, in network: Network, keeping kept: (AxisID) -> [Int]?
  ) -> Operator { rules.masked(node, in: network, keeping: kept) }
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

  /// The input at `index`, or nil where it is left out.
  func optional(_ index: Int) -> Shape? { index < count ? self[index] : nil }
}

extension Shape {
  /// The extent of an axis that must be known.
  func extent(_ axis: Int, _ role: String) throws -> Int {
    guard let extent = self[axis].extent else {
      throw NetworkError(.shapeMismatch, "axis \(axis) of \(role) is the batch; it must be fixed")
    }
    return extent
  }

  /// Throws unless `axis` exists and is not the batch.
  func check(axis: Int, _ what: String) throws {
    guard dimensions.indices.contains(axis) else {
      throw NetworkError(.shapeMismatch, "axis \(axis) is outside x \(self)")
    }
    guard !self[axis].isBatch else {
      throw NetworkError(
        .unsupported, "\(what) the batch axis of x \(self) mixes images; they must stay apart")
    }
  }

  /// The shape of a and b together, axes aligned at the last, extents of 1 repeated.
  ///
  /// - Throws: ``NetworkError`` with `shapeMismatch`.
  static func broadcast(_ a: Shape, _ b: Shape) throws -> Shape {
    let rank = max(a.rank, b.rank)
    let result = Shape(
      try (0..<rank).map { axis in
        let left = axis - (rank - a.rank) >= 0 ? a[axis - (rank - a.rank)] : .fixed(1)
        let right = axis - (rank - b.rank) >= 0 ? b[axis - (rank - b.rank)] : .fixed(1)
        guard left == right || left == .fixed(1) || right == .fixed(1) else {
          throw NetworkError(.shapeMismatch, "shapes \(a) and \(b) do not broadcast")
        }
        return left == .fixed(1) ? right : left
      })
    return try result.withOneBatch("\(a) and \(b) together")
  }

  /// The shape itself, unless two of its axes are the batch.
  func withOneBatch(_ what: String) throws -> Shape {
    guard dimensions.count(where: \.isBatch) < 2 else {
      throw NetworkError(.unsupported, "\(what) combine images with images; they must stay apart")
    }
    return self
  }

  /// Throws if an axis from `first` on is the batch.
  func check(axesFrom first: Int, _ what: String) throws {
    for axis in dimensions.indices.dropFirst(first) { try check(axis: axis, what) }
  }
}
