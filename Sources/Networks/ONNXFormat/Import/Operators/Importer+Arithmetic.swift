import NetworkGraph
import ONNXSchema

extension OperatorReader {
  /// Functions of two or more values, and operators that change a value's type or nothing.
  static let arithmetic: [String: OperatorReader] = [
    "Add": binary(.add), "Sub": binary(.subtract), "Mul": binary(.multiply),
    "Div": binary(.divide), "Pow": binary(.power),
    "Min": .init { .activation(try $0.chain(.minimum, $1)) },
    "Max": .init { .activation(try $0.chain(.maximum, $1)) },
    "Sum": .init { .activation(try $0.chain(.add, $1)) },
    "Mean": .init { importer, node in
      let sum = try importer.chain(.add, node)
      guard node.proto.input.count > 1 else { return .activation(sum) }
      let factor = importer.addConstant(1 / Float(node.proto.input.count), node, "factor")
      return .activation(try importer.add(.elementwise(.multiply), [sum, factor], for: node))
    },
    "PRelu": .init { importer, node in
      let x = try importer.activation(node)
      let slope = try importer.operand(node, 1, "slope")
      return .activation(try importer.add(.parametricRelu, [x.id, slope.id], for: node))
    },
    "Cast": .init(["round_mode", "saturate", "to"]) { importer, node in
      try importer.cast(node, to: try node.integer("to", default: 0))
    },
    "CastLike": .init(["round_mode", "saturate"]) { importer, node in
      let type = try importer.operand(node, 1, "type").type
      return try importer.cast(node, to: type.dataType.rawValue)
    },
    "Identity": .init { try $0.passed($1) },
    "Dropout": .init(["ratio", "seed"]) { importer, node in
      if let training = try importer.constant(node, 2, "training_mode"), training.integers != [0] {
        throw node.failure(.unsupported, "it is in training mode; export the model for inference")
      }
      return try importer.passed(node)
    },
  ]

  private static func binary(_ function: Elementwise) -> OperatorReader {
    .init { .activation(try $0.elementwise(function, $1)) }
  }
}

extension Importer {
  fileprivate mutating func elementwise(
    _ function: Elementwise, _ node: NodeReader
  ) throws -> ValueID {
    guard node.proto.input.count == 2 else {
      throw node.failure(.invalidGraph, "it needs two inputs")
    }
    return try chain(function, node)
  }

  /// A function of several values, applied from the first on; constants come second where the
  /// order is free.
  fileprivate mutating func chain(
    _ function: Elementwise, _ node: NodeReader
  ) throws -> ValueID {
    let type = try operandType(node)
    if function == .divide, type != .float32 {
      throw node.failure(
        .unsupported, "it divides whole numbers (\(type.rawValue)); cast them to float first")
    }
    var operands = try node.proto.input.indices.map {
      try operand(node, $0, "operand", type: type).id
    }
    if ![.subtract, .divide, .power].contains(function) {
      operands.sort { draft.constant($0) == nil && draft.constant($1) != nil }
    }
    guard var result = operands.first else {
      throw node.failure(.invalidGraph, "it needs an input")
    }
    for operand in operands.dropFirst() {
      result = try add(.elementwise(function), [result, operand], for: node)
    }
    return result
  }

  /// The type of a node's activations, which its constants share.
  private func operandType(_ node: NodeReader) throws -> ElementType {
    for index in node.proto.input.indices {
      if case .activation(let id)? = symbol(node, index) { return draft[id].elementType }
    }
    throw node.failure(
      .unsupported, "none of its inputs is computed from the graph's inputs; simplify the model")
  }

  fileprivate mutating func cast(_ node: NodeReader, to raw: Int) throws -> Symbol {
    let x = try activation(node)
    guard let type = Onnx_TensorProto.DataType(rawValue: raw), let target = ElementType(type)
    else {
      throw node.failure(.unsupported, "casting activations to type \(raw) is not supported")
    }
    if type != .float, target == .float32 {
      notes.record("activations of \(type.name) are computed as float32")
    }
    guard target != draft[x.id].elementType else { return .activation(x.id) }
    return .activation(try add(.cast(Cast(type: target)), [x.id], for: node))
  }

  fileprivate func passed(_ node: NodeReader) throws -> Symbol {
    guard let symbol = symbol(node, 0) else {
      throw node.failure(.invalidGraph, "its input is missing")
    }
    return symbol
  }
}
