import NetworkGraph
import ONNXSchema

/// One operator of ONNX: the attributes it may have in any opset, and what it becomes.
struct OperatorReader: Sendable {
  typealias Translation = @Sendable (inout Importer, NodeReader) throws -> [Importer.Symbol]

  let attributes: Set<String>
  let translate: Translation

  /// An operator with several outputs.
  init(_ attributes: Set<String>, outputs translate: @escaping Translation) {
    self.attributes = attributes
    self.translate = translate
  }

  /// An operator with one output.
  init(
    _ attributes: Set<String> = [],
    _ translate: @escaping @Sendable (inout Importer, NodeReader) throws -> Importer.Symbol
  ) {
    self.init(attributes, outputs: { [try translate(&$0, $1)] })
  }

  /// An operator that becomes a function of its first input.
  static func activation(
    _ attributes: Set<String> = [],
    _ function: @escaping @Sendable (NodeReader) throws -> Activation
  ) -> OperatorReader {
    OperatorReader(attributes) { importer, node in
      let x = try importer.activation(node)
      return .activation(try importer.add(.activation(function(node)), [x.id], for: node))
    }
  }

  /// An attribute this code does not know might change what the operator means.
  func checkAttributes(of node: NodeReader) throws {
    for attribute in node.proto.attribute where !attributes.contains(attribute.name) {
      throw node.failure(
        .unsupported,
        """
        attribute \(attribute.name) is none of those of \(node.type) in ONNX \
        (\(attributes.sorted().joined(separator: ", "))); remove it, or export the model again
        """)
    }
  }

  /// Every operator that a network can hold or that vanishes, by name.
  static let all: [String: OperatorReader] = [
    windows, matrices, normalizations, activations, arithmetic, reductions, selections, shapes,
  ].reduce(into: [:]) { $0.merge($1) { first, _ in first } }
}

extension Importer {
  func unsupported(_ node: NodeReader) -> ONNXError {
    let domain = node.proto.domain.isEmpty ? "ai.onnx" : node.proto.domain
    if node.type.contains("Quantize") || node.type.hasPrefix("QLinear") {
      return node.failure(
        .unsupported,
        "quantised activations (\(node.type)) are not supported; give the float model instead")
    }
    return node.failure(
      .unsupported,
      """
      operator \(node.type) of domain \(domain) (opset \(opset)) is not supported; \
      replace it by operators among \
      \(OperatorReader.all.keys.sorted().joined(separator: ", ")), or simplify the model \
      before export
      """)
  }
}
