import NetworkGraph
import ONNXSchema

/// What each operator of ONNX becomes.
extension Importer {
  static let supportedOperators = [
    "Add", "AveragePool", "BatchNormalization", "Clip", "Conv", "Dropout", "Flatten", "Gemm",
    "GlobalAveragePool", "GlobalMaxPool", "HardSigmoid", "HardSwish", "Identity", "LeakyRelu",
    "MatMul", "MaxPool", "Pad", "ReduceMean", "Relu", "Reshape", "Sigmoid", "Slice", "Softmax",
    "Tanh",
  ]

  func unsupported(_ node: NodeReader) -> ONNXError {
    let domain = node.proto.domain.isEmpty ? "ai.onnx" : node.proto.domain
    return node.failure(
      .unsupported,
      """
      operator \(node.type) of domain \(domain) (opset \(opset)) is not supported; \
      replace it by operators among \
      \(Self.supportedOperators.joined(separator: ", ")), or simplify the model before export
      """)
  }

  mutating func translated(_ node: NodeReader) throws -> Translation {
    switch node.type {
    case "Conv": return try convolution(node)
    case "BatchNormalization": return try batchNormalization(node)
    case "Relu", "Clip", "LeakyRelu", "Sigmoid", "Tanh", "HardSigmoid", "HardSwish":
      return .node(.activation(try elementwise(node)), [try activation(node).id])
    case "Add": return try add(node)
    case "MaxPool", "AveragePool": return try pooling(node)
    case "GlobalAveragePool":
      let kind = Pooling.Kind.average(countsPadding: false)
      return .node(.pooling(Pooling(kind: kind, kernel: nil)), [try activation(node).id])
    case "GlobalMaxPool":
      return .node(.pooling(Pooling(kind: .maximum, kernel: nil)), [try activation(node).id])
    case "ReduceMean": return try reduceMean(node)
    case "Flatten": return try flatten(node)
    case "Reshape": return try reshape(node)
    case "Gemm": return try gemm(node)
    case "MatMul": return try matrixProduct(node)
    case "Slice": return try slice(node)
    case "Pad": return try pad(node)
    case "Softmax": return try softmax(node)
    case "Identity": return .identity
    case "Dropout": return try dropout(node)
    default: throw unsupported(node)
    }
  }

  private mutating func batchNormalization(_ node: NodeReader) throws -> Translation {
    guard try node.integer("training_mode", default: 0) == 0 else {
      throw node.failure(.unsupported, "it is in training mode; export the model for inference")
    }
    let x = try activation(node)
    var inputs: [ValueID?] = [x.id]
    for (index, role) in ["scale", "shift", "mean", "variance"].enumerated() {
      let weight = try requiredWeight(node, index + 1, role)
      guard x.shape.rank > 1, [x.shape[1]] == weight.shape.map(Dimension.fixed) else {
        throw node.failure(
          .invalidTensor, "its \(role) of shape \(weight.shape) does not fit x \(x.shape)")
      }
      inputs.append(weight.id)
    }
    let epsilon = try node.number("epsilon", default: 1e-5)
    return .node(.batchNormalization(BatchNormalization(epsilon: epsilon)), inputs)
  }

  private func elementwise(_ node: NodeReader) throws -> Activation {
    switch node.type {
    case "Relu": return .relu
    case "LeakyRelu": return .leakyRelu(alpha: try node.number("alpha", default: 0.01))
    case "Sigmoid": return .sigmoid
    case "Tanh": return .tanh
    case "HardSigmoid":
      return .hardSigmoid(
        alpha: try node.number("alpha", default: 0.2), beta: try node.number("beta", default: 0.5))
    case "HardSwish": return .hardSwish
    default:
      let low = try number(
        node, attribute: "min", input: 1, since: 11, default: -.infinity)
      let high = try number(
        node, attribute: "max", input: 2, since: 11, default: .infinity)
      return .clip(low, high)
    }
  }

  private mutating func add(_ node: NodeReader) throws -> Translation {
    switch (symbol(node, 0), symbol(node, 1)) {
    case (.activation(let a)?, .activation(let b)?): return .node(.elementwise(.add), [a, b])
    case (.activation(let a)?, .constant?):
      return .node(.elementwise(.add), [a, try requiredWeight(node, 1, "summand").id])
    case (.constant?, .activation(let b)?):
      return .node(.elementwise(.add), [b, try requiredWeight(node, 0, "summand").id])
    default: throw node.failure(.invalidGraph, "it needs two inputs")
    }
  }

  private func reduceMean(_ node: NodeReader) throws -> Translation {
    let x = try activation(node)
    let axes = try integers(node, attribute: "axes", input: 1, since: 18) ?? []
    if axes.isEmpty, try node.flag("noop_with_empty_axes", default: false) { return .identity }
    let resolved = try Set(axes.map { try node.resolvedAxis($0, rank: x.shape.rank) }).sorted()
    guard !resolved.isEmpty, !resolved.contains(0) else {
      throw node.failure(.unsupported, "it takes the mean over the batch; images must stay apart")
    }
    let keepsAxes = try node.flag("keepdims", default: true)
    return .node(.reduction(Reduction(axes: resolved, keepsAxes: keepsAxes)), [x.id])
  }

  private func softmax(_ node: NodeReader) throws -> Translation {
    let x = try activation(node)
    let given = try node.integer("axis", default: node.opset < 13 ? 1 : -1)
    let axis = try node.resolvedAxis(given, rank: x.shape.rank)
    // Before opset 13 all axes from `axis` on are normalised together.
    let trailing = x.shape.dimensions[(axis + 1)...]
    guard axis > 0, node.opset >= 13 || trailing.allSatisfy({ $0 == .fixed(1) }) else {
      throw node.failure(
        .unsupported, "its axis \(given) joins several axes of x \(x.shape); use one, not the batch"
      )
    }
    return .node(.softmax(Softmax(axis: axis)), [x.id])
  }

  private func dropout(_ node: NodeReader) throws -> Translation {
    if let training = try constant(node, 2, "training_mode"), training.integers != [0] {
      throw node.failure(.unsupported, "it is in training mode; export the model for inference")
    }
    return .identity
  }
}
