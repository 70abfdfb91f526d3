import NetworkGraph
import Tensors

/// The inputs of a node, as its operator understands them.
extension Importer {
  func symbol(_ node: NodeReader, _ index: Int) -> Symbol? {
    node.input(index).flatMap { symbols[$0] }
  }

  /// An input that must be an activation.
  func activation(_ node: NodeReader, _ index: Int = 0) throws -> (id: ValueID, shape: Shape) {
    guard case .activation(let id)? = symbol(node, index) else {
      throw node.failure(.unsupported, "its input \(index) is not computed from the graph's inputs")
    }
    return (id, draft[id].shape)
  }

  /// A constant input, or nil where it is left out.
  func constant(_ node: NodeReader, _ index: Int, _ role: String) throws -> ConstantValue? {
    guard let name = node.input(index) else { return nil }
    guard case .constant(let value)? = symbols[name] else {
      throw node.failure(
        .unsupported,
        "its \(role) \"\(name)\" is computed from the graph's inputs; it must be constant")
    }
    return value
  }

  /// Integers from the attribute of old opsets or the input of newer ones; nil where left out.
  func integers(
    _ node: NodeReader, attribute: String, input: Int, since opset: Int64
  ) throws -> [Int]? {
    guard node.opset >= opset else { return try node.integers(attribute) }
    guard let value = try constant(node, input, attribute) else { return nil }
    guard let integers = value.integers else {
      throw node.failure(.unsupported, "its \(attribute) must be integers, and fixed")
    }
    return integers
  }

  /// One float from the attribute of old opsets or the input of newer ones.
  func number(
    _ node: NodeReader, attribute: String, input: Int, since opset: Int64, default value: Float
  ) throws -> Float {
    guard node.opset >= opset else { return try node.number(attribute, default: value) }
    guard let constant = try constant(node, input, attribute) else { return value }
    guard constant.count == 1, let number = constant.floats?.first, !number.isNaN else {
      throw node.failure(.invalidGraph, "its \(attribute) must be one float32 number")
    }
    return number
  }

  /// A constant input as a value of the network; nil where it is left out.
  ///
  /// - Parameter shape: The shape it is stored in; by default its own.
  /// - Throws: ``ONNXError`` with `invalidTensor` for weights that are empty, NaN or infinite.
  mutating func weight(
    _ node: NodeReader, _ index: Int, _ role: String, fitting shape: [Int]? = nil
  ) throws -> (id: ValueID, shape: [Int])? {
    guard let name = node.input(index), let value = try constant(node, index, role) else {
      return nil
    }
    let fitted = try shape.map { try fit(value, $0, node, "\(role) \"\(name)\"") } ?? value
    let key = fitted.shape == value.shape ? name : "\(name) as \(fitted.shape)"
    if let id = constants[key] { return (id, fitted.shape) }
    guard let floats = fitted.floats else {
      throw node.failure(
        .unsupported, "its \(role) \"\(name)\" holds integers; export the model in float32")
    }
    guard !floats.isEmpty else {
      throw node.failure(.invalidTensor, "its \(role) \"\(name)\" of shape \(value.shape) is empty")
    }
    guard floats.allSatisfy(\.isFinite) else {
      throw node.failure(
        .invalidTensor,
        "its \(role) \"\(name)\" holds NaN or infinite numbers; check how the model was trained")
    }
    // The tensor itself may be used elsewhere in its own shape, under its own name.
    let id = draft.addConstant(
      key == name ? name : uniqueName(name), Tensor(shape: fitted.shape, elements: floats))
    constants[key] = id
    return (id, fitted.shape)
  }

  /// A weight that the operator cannot do without.
  mutating func requiredWeight(
    _ node: NodeReader, _ index: Int, _ role: String
  ) throws -> (id: ValueID, shape: [Int]) {
    guard let weight = try weight(node, index, role) else {
      throw node.failure(.invalidGraph, "its \(role) is missing")
    }
    return weight
  }

  /// A constant broadcast to `shape`.
  private func fit(
    _ value: ConstantValue, _ shape: [Int], _ node: NodeReader, _ role: String
  ) throws -> ConstantValue {
    if value.shape == shape { return value }
    var source = value.shape[...]
    while source.count > shape.count, source.first == 1 { source = source.dropFirst() }
    let pairs = zip(source.reversed(), shape.reversed())
    guard source.count <= shape.count, pairs.allSatisfy({ $0 == 1 || $0 == $1 }) else {
      throw node.failure(
        .invalidTensor, "its \(role) of shape \(value.shape) does not fit \(shape)")
    }
    return value.reshaped(Array(source))
      .rearranged(.broadcasting(Array(source), to: shape))
  }

  private mutating func uniqueName(_ stem: String) -> String {
    var name = stem
    var suffix = 1
    while !names.insert(name).inserted {
      name = "\(stem)_\(suffix)"
      suffix += 1
    }
    return name
  }
}
