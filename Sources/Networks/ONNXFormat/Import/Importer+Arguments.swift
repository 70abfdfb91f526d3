import NetworkGraph
import Tensors

/// The inputs of a node, as its operator understands them.
extension Importer {
  func symbol(_ node: NodeReader, _ index: Int) -> Symbol? {
    node.input(index).flatMap { symbols[$0] }
  }

  /// An input that may be an activation or a constant.
  ///
  /// - Parameter type: The type of a constant's elements.
  mutating func operand(
    _ node: NodeReader, _ index: Int, _ role: String, type: ElementType = .float32
  ) throws -> (id: ValueID, shape: Shape, type: ElementType) {
    let id: ValueID
    switch symbol(node, index) {
    case .activation(let value)?: id = value
    case .constant?: id = try requiredWeight(node, index, role, type: type).id
    case nil: throw node.failure(.invalidGraph, "its input \(index) is missing")
    }
    return (id, draft[id].shape, draft[id].elementType)
  }

  /// A number that a node needs as a value of the network.
  mutating func addConstant(_ number: Float, _ node: NodeReader, _ role: String) -> ValueID {
    draft.addConstant(
      uniqueName("\(node.name).\(role)"), Tensor(shape: [], elements: [number]))
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
    let numbers = constant.floats ?? constant.integers?.map { Float($0) }
    guard constant.count == 1, let number = numbers?.first, !number.isNaN else {
      throw node.failure(.invalidGraph, "its \(attribute) must be one number")
    }
    return number
  }

  /// A constant input as a value of the network; nil where it is left out.
  ///
  /// - Parameters:
  ///   - shape: The shape it is stored in; by default its own.
  ///   - type: The type of its elements; integers may stand for floats only as single numbers.
  /// - Throws: ``ONNXError`` with `invalidTensor` for weights that are empty, NaN or infinite.
  mutating func weight(
    _ node: NodeReader, _ index: Int, _ role: String, fitting shape: [Int]? = nil,
    type: ElementType = .float32
  ) throws -> (id: ValueID, shape: [Int])? {
    guard let name = node.input(index), let value = try constant(node, index, role) else {
      return nil
    }
    let fitted = try shape.map { try fit(value, $0, node, "\(role) \"\(name)\"") } ?? value
    let form = fitted.shape == value.shape ? "" : " as \(fitted.shape)"
    let key = "\(name)\(form)" + (type == .float32 ? "" : " of \(type.rawValue)")
    if let id = constants[key] { return (id, fitted.shape) }
    let isNumber = type != .float32 || fitted.count == 1
    guard let floats = fitted.floats ?? (isNumber ? fitted.integers?.map { Float($0) } : nil)
    else {
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
    // The tensor itself may be used elsewhere in its own shape or type, under its own name.
    let isOwn = form.isEmpty && constantNames.insert(name).inserted
    let id = draft.addConstant(
      isOwn ? name : uniqueName(name), Tensor(shape: fitted.shape, elements: floats))
    draft[id].elementType = type
    constants[key] = id
    return (id, fitted.shape)
  }

  /// A weight that the operator cannot do without.
  mutating func requiredWeight(
    _ node: NodeReader, _ index: Int, _ role: String, type: ElementType = .float32
  ) throws -> (id: ValueID, shape: [Int]) {
    guard let weight = try weight(node, index, role, type: type) else {
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
}
