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

  /// A bound on the elements of one image's activation; beyond it a file is taken for broken.
  static let maximumElements = 1 << 26

  /// The file's graph, without its initializers.
  let graph: Onnx_GraphProto
  let opset: Int64
  let options: ImportOptions
  let tensors: TensorReader
  /// The network so far; its values may include some that nothing needs.
  var draft: Network
  /// Names met so far.
  var symbols: [String: Symbol] = [:]
  /// Constants that are values of the draft already.
  var constants: [String: ValueID] = [:]
  /// The names of the file's tensors that those constants took over.
  var constantNames: Set<String> = []
  /// Every value name of the file and those added.
  var names: Set<String>
  /// What the user should know about how the file was read.
  var notes = ImportNotes()
  private var nodeNames: Set<String> = []
  /// Initializers that no node has asked for yet; a tensor leaves when it has been read, so that
  /// the file's bytes and the network's numbers are not held together.
  private var initializers: [String: Onnx_TensorProto] = [:]
  private let initializerNames: Set<String>
  private let usedNames: Set<String>

  init(model: Onnx_ModelProto, directory: URL?, options: ImportOptions) throws {
    guard model.hasGraph, !model.graph.output.isEmpty else {
      throw ONNXError(
        .malformed, "not an ONNX model: it holds no graph with outputs; export it again")
    }
    var graph = model.graph
    opset = try Self.opset(of: model)
    self.options = options
    tensors = TensorReader(directory: directory)
    for tensor in graph.initializer {
      guard initializers.updateValue(tensor, forKey: tensor.name) == nil else {
        throw ONNXError(.invalidGraph, "graph › tensor \"\(tensor.name)\": it is defined twice")
      }
    }
    graph.initializer = []
    initializerNames = Set(initializers.keys)
    names = Set(graph.node.flatMap(\.output)).union(initializerNames)
      .union(graph.input.map(\.name))
    usedNames = Set(graph.node.flatMap(\.input)).union(graph.output.map(\.name))
    draft = Network(name: graph.name, metadata: ModelMetadata(model, opset: opset))
    self.graph = graph
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
    let defined = initializerNames.union(draft.inputs.map { draft[$0].name })
    let order = try NodeOrder.sorted(graph, defined: defined)
    let names = uniqueNodeNames(order)
    for index in order {
      try read(NodeReader(proto: graph.node[index], name: names[index] ?? "", opset: opset))
    }
    try readOutputs()
    return PatternMatcher.simplified(draft.compacted())
  }

  /// The names of nodes: their own, made unique; `Conv_12` for the thirteenth node of a file.
  private mutating func uniqueNodeNames(_ order: [Int]) -> [Int: String] {
    let given = Set(graph.node.map(\.name))
    var result: [Int: String] = [:]
    for index in order {
      let node = graph.node[index]
      let stem = node.name.isEmpty ? "\(node.opType)_\(index)" : node.name
      var name = stem
      var suffix = 1
      while nodeNames.contains(name) || (name != node.name && given.contains(name)) {
        name = "\(stem)_\(suffix)"
        suffix += 1
      }
      nodeNames.insert(name)
      result[index] = name
    }
    return result
  }

  private mutating func read(_ node: NodeReader) throws {
    try resolveInitializers(of: node)
    guard let output = node.proto.output.first, !output.isEmpty || node.proto.output.count > 1
    else { throw node.failure(.invalidGraph, "it has no output") }
    let reader = node.isStandard ? OperatorReader.all[node.type] : nil
    try reader?.checkAttributes(of: node)
    let first = draft.nodes.count
    let results: [Symbol]
    if node.isStandard, let constants = try folded(node) {
      results = constants.map(Symbol.constant)
    } else if let reader {
      results = try reader.translate(&self, node)
    } else {
      throw unsupported(node)
    }
    for extra in node.proto.output.dropFirst(results.count) where usedNames.contains(extra) {
      throw node.failure(
        .unsupported,
        "its output \"\(extra)\" is used; only its first \(results.count) are supported")
    }
    nameNodes(from: first, of: node, results)
    for (name, symbol) in zip(node.proto.output, results) where !name.isEmpty {
      symbols[name] = symbol
    }
  }

  /// Appends a node to the draft; its shape rule checks the operands.
  mutating func add(
    _ operation: Operator, _ inputs: [ValueID?], for node: NodeReader
  ) throws -> ValueID {
    let shapes = inputs.map { input in input.map { draft[$0].shape } }
    let shape: Shape
    do {
      shape = try operation.outputShape(of: shapes, node: node.name)
    } catch let error as NetworkError {
      throw ONNXError(
        error.code == .unsupported ? .unsupported : .invalidGraph, "graph › \(error.message)")
    }
    try check(shape) { node.failure(.invalidGraph, "its output of shape \(shape) \($0)") }
    let id = draft.addActivation("", shape: shape)
    let added = Node(name: node.name, operation: operation, inputs: inputs, output: id)
    draft[id].elementType = draft.outputType(of: added)
    draft.nodes.append(added)
    return id
  }

  /// Names the nodes that one node of the file became: the one that gives its output after it.
  private mutating func nameNodes(from first: Int, of node: NodeReader, _ results: [Symbol]) {
    var outputs: [ValueID: String] = [:]
    for (name, symbol) in zip(node.proto.output, results) where !name.isEmpty {
      if case .activation(let id) = symbol { outputs[id] = name }
    }
    let stem = node.proto.output.first ?? ""
    for (place, index) in draft.nodes.indices[first...].enumerated() {
      let output = draft.nodes[index].output
      draft[output].name = outputs[output] ?? uniqueName("\(stem).\(place)")
      if results.count > 1 || outputs[output] == nil {
        draft.nodes[index].name = uniqueNodeName("\(node.name).\(place)")
      }
    }
  }

  /// Checks what holds for every activation: one batch at most, nothing empty, nothing enormous.
  func check(_ shape: Shape, failure: (String) -> ONNXError) throws {
    guard shape.dimensions.count(where: \.isBatch) <= 1 else {
      throw failure("has the batch twice")
    }
    var count = 1
    for extent in shape.dimensions.map(\.perImage) {
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
      guard let tensor = initializers.removeValue(forKey: name) else { continue }
      notes.record(tensor)
      symbols[name] = .constant(try tensors.read(tensor))
    }
  }

  /// An initializer is no input, although files of IR version 3 list it as one.
  func isInitializer(_ name: String) -> Bool { initializerNames.contains(name) }

  /// `stem`, or `stem` with a number where another value has that name.
  mutating func uniqueName(_ stem: String) -> String { names.insertUnique(stem) }

  mutating func uniqueNodeName(_ stem: String) -> String { nodeNames.insertUnique(stem) }
}

extension Set<String> {
  /// Inserts `stem`, followed by a number where it is taken.
  mutating func insertUnique(_ stem: String) -> String {
    var name = stem
    var suffix = 1
    while !insert(name).inserted {
      name = "\(stem)_\(suffix)"
      suffix += 1
    }
    return name
  }
}
