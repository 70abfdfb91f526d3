import Foundation
import NetworkGraph
import ONNXSchema
import Tensors

/// Builds a network from a model, node by node in topological order.
struct Importer {
  /// What a name of the file stands for.
  enum Symbol {
    case activation(ValueID)
    case constant(ConstantValue)
  }

  /// What a node of the file becomes.
  enum Translation {
    case node(Operator, [ValueID?])
    /// The node changes nothing: its output is its first input.
    case identity
  }

  /// A bound on the elements of one image's activation; beyond it a file is taken for broken.
  static let maximumElements = 1 << 26

  let graph: Onnx_GraphProto
  let opset: Int64
  let tensors: TensorReader
  /// The network so far; its values may include some that nothing needs.
  var draft: Network
  /// Names met so far.
  var symbols: [String: Symbol] = [:]
  /// Constants that are values of the draft already.
  var constants: [String: ValueID] = [:]
  /// Every value name of the file and those added.
  var names: Set<String>
  private let initializers: [String: Int]

  init(model: Onnx_ModelProto, directory: URL?) throws {
    guard model.hasGraph, !model.graph.output.isEmpty else {
      throw ONNXError(
        .malformed, "not an ONNX model: it holds no graph with outputs; export it again")
    }
    graph = model.graph
    opset = try Self.opset(of: model)
    tensors = TensorReader(directory: directory)
    var initializers: [String: Int] = [:]
    for (index, tensor) in graph.initializer.enumerated() {
      guard initializers.updateValue(index, forKey: tensor.name) == nil else {
        throw ONNXError(.invalidGraph, "graph › tensor \"\(tensor.name)\": it is defined twice")
      }
    }
    self.initializers = initializers
    names = Set(graph.node.flatMap(\.output)).union(initializers.keys)
      .union(graph.input.map(\.name))
    draft = Network(name: graph.name, metadata: ModelMetadata(model, opset: opset))
  }

  private static func opset(of model: Onnx_ModelProto) throws -> Int64 {
    let standard = model.opsetImport.first { $0.domain.isEmpty || $0.domain == "ai.onnx" }
    guard let version = standard?.version else {
      throw ONNXError(.malformed, "the model states no opset of ai.onnx; export it again")
    }
    guard ONNXModel.opsets.contains(version) else {
      throw ONNXError(
        .unsupported,
        """
        opset \(version) is not supported; export with an opset in \
        \(ONNXModel.opsets.lowerBound)…\(ONNXModel.opsets.upperBound)
        """)
    }
    return version
  }

  /// Builds the network.
  mutating func network() throws -> Network {
    try readInputs()
    let defined = Set(initializers.keys).union(draft.inputs.map { draft[$0].name })
    let order = try NodeOrder.sorted(graph, defined: defined)
    let nodeNames = uniqueNodeNames(order)
    for index in order {
      let name = nodeNames[index] ?? ""
      try read(NodeReader(proto: graph.node[index], name: name, opset: opset))
    }
    try readOutputs()
    return draft.compacted()
  }

  /// The names of nodes: their own, made unique; `Conv_12` for the thirteenth node of a file.
  private func uniqueNodeNames(_ order: [Int]) -> [Int: String] {
    let given = Set(graph.node.map(\.name))
    var taken: Set<String> = []
    var result: [Int: String] = [:]
    for index in order {
      let node = graph.node[index]
      let stem = node.name.isEmpty ? "\(node.opType)_\(index)" : node.name
      var name = stem
      var suffix = 1
      while taken.contains(name) || (name != node.name && given.contains(name)) {
        name = "\(stem)_\(suffix)"
        suffix += 1
      }
      taken.insert(name)
      result[index] = name
    }
    return result
  }

  private mutating func read(_ node: NodeReader) throws {
    try resolveInitializers(of: node)
    guard node.isStandard else { throw unsupported(node) }
    guard let output = node.proto.output.first, !output.isEmpty else {
      throw node.failure(.invalidGraph, "it has no output")
    }
    if let constant = try folded(node) {
      symbols[output] = .constant(constant)
      return
    }
    switch try translated(node) {
    case .identity:
      guard let input = node.input(0), let symbol = symbols[input] else {
        throw node.failure(.invalidGraph, "its input is missing")
      }
      symbols[output] = symbol
    case .node(let operation, let inputs):
      try append(node, operation, inputs, output: output)
    }
    for extra in node.proto.output.dropFirst() where !extra.isEmpty && isUsed(extra) {
      throw node.failure(
        .unsupported, "its output \"\(extra)\" is used; only its first output is supported")
    }
  }

  private func isUsed(_ name: String) -> Bool {
    graph.output.contains { $0.name == name } || graph.node.contains { $0.input.contains(name) }
  }

  private mutating func append(
    _ node: NodeReader, _ operation: Operator, _ inputs: [ValueID?], output: String
  ) throws {
    let shapes = inputs.map { input in input.map { draft[$0].shape } }
    let shape: Shape
    do {
      shape = try operation.outputShape(of: shapes, node: node.name)
    } catch let error as NetworkError {
      throw ONNXError(
        error.code == .unsupported ? .unsupported : .invalidGraph, "graph › \(error.message)")
    }
    try check(shape) { node.failure(.invalidGraph, "its output of shape \(shape) \($0)") }
    let id = draft.addActivation(output, shape: shape)
    draft.nodes.append(Node(name: node.name, operation: operation, inputs: inputs, output: id))
    symbols[output] = .activation(id)
  }

  /// Checks what holds for every activation: batch first, nothing empty, nothing enormous.
  func check(_ shape: Shape, failure: (String) -> ONNXError) throws {
    guard shape.rank > 0, shape[0] == .batch else { throw failure("has no batch as axis 0") }
    var count = 1
    for dimension in shape.dimensions.dropFirst() {
      guard let extent = dimension.extent else { throw failure("has the batch twice") }
      guard extent > 0 else { throw failure("is empty") }
      let (product, overflow) = count.multipliedReportingOverflow(by: extent)
      guard !overflow, product <= Self.maximumElements else {
        throw failure("has more than \(Self.maximumElements) elements for one image")
      }
      count = product
    }
  }

  /// Reads those initializers that a node uses for the first time.
  private mutating func resolveInitializers(of node: NodeReader) throws {
    for name in node.proto.input where symbols[name] == nil {
      guard let index = initializers[name] else { continue }
      symbols[name] = .constant(try tensors.read(graph.initializer[index]))
    }
  }

  /// An initializer is no input, although files of IR version 3 list it as one.
  func isInitializer(_ name: String) -> Bool { initializers[name] != nil }
}
