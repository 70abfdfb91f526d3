import NetworkGraph
import ONNXSchema

extension ModelMetadata {
  init(_ model: Onnx_ModelProto, opset: Int64) {
    self.init()
    irVersion = model.irVersion
    self.opset = opset
    producerName = model.producerName
    producerVersion = model.producerVersion
    domain = model.domain
    modelVersion = model.modelVersion
    documentation = model.docString
    properties = Dictionary(model.metadataProps.map { ($0.key, $0.value) }) { _, last in last }
  }
}

/// The graph's inputs and outputs.
extension Importer {
  mutating func readInputs() throws {
    var batches: [BatchAxis] = []
    var unbound = Set(options.bindings.keys)
    for input in graph.input where !isInitializer(input.name) {
      let interface = try InputReader(proto: input, options: options)
      let (batch, shape) = try interface.shape(using: &unbound)
      try check(shape) { interface.failure(.invalidGraph, "its shape \(shape) \($0)") }
      if let batch { batches.append(batch) }
      guard symbols[input.name] == nil, !input.name.isEmpty else {
        throw interface.failure(.invalidGraph, "it is defined twice")
      }
      if let note = interface.note { notes.record(note) }
      let id = draft.addActivation(input.name, shape: shape, type: interface.type)
      draft.inputs.append(id)
      symbols[input.name] = .activation(id)
    }
    guard !draft.inputs.isEmpty else {
      throw ONNXError(.invalidGraph, "graph: it has no inputs; export the model with its input")
    }
    if let name = unbound.sorted().first {
      throw ONNXError(
        .unsupported, "graph: the model has no dynamic axis \"\(name)\"; leave out its binding")
    }
    draft.metadata.batchName = nil
    guard let batch = batches.first else { return }
    guard Set(batches.map(\.size)).count == 1 else {
      throw ONNXError(
        .unsupported, "graph: its inputs have different batch axes; give all of them the same")
    }
    (draft.metadata.batchName, draft.metadata.batchSize) = (batch.name, batch.size)
  }

  /// Finds the outputs, and gives each the name that the file promises.
  mutating func readOutputs() throws {
    for output in graph.output {
      func failure(_ message: String) -> ONNXError {
        ONNXError(.invalidGraph, "graph › output \"\(output.name)\": \(message)")
      }
      guard case .activation(let id)? = symbols[output.name] else {
        let found = names.contains(output.name) ? "it is a constant" : "nothing computes it"
        throw failure("\(found); remove it from the outputs, or export the model again")
      }
      if draft.outputs.contains(id) || draft.inputs.contains(id) {
        draft.outputs.append(try copy(of: id, as: output.name))
      } else {
        draft[id].name = output.name
        draft.outputs.append(id)
      }
    }
  }

  /// A value of its own that equals another: an output that is an input, or another output.
  private mutating func copy(of id: ValueID, as name: String) throws -> ValueID {
    let shape = draft[id].shape
    let copy = draft.addActivation(name, shape: shape, type: draft[id].elementType)
    draft.nodes.append(
      Node(
        name: uniqueNodeName(name), operation: .reshape(Reshape(target: shape)), inputs: [id],
        output: copy))
    return copy
  }
}

extension Network {
  /// The network without what its outputs do not need, in the order that import gives: inputs,
  /// then for every node its constants and its output.
  func compacted() -> Network {
    var needed = Set(outputs)
    var live: [Node] = []
    for node in nodes.reversed() where needed.contains(node.output) {
      needed.formUnion(node.inputs.compactMap { $0 })
      live.append(node)
    }
    var result = Network(name: name, metadata: metadata)
    var places: [ValueID: ValueID] = [:]
    result.inputs = inputs.map { input in
      let place = result.addActivation(
        self[input].name, shape: self[input].shape, type: self[input].elementType)
      places[input] = place
      return place
    }
    for var node in live.reversed() {
      for case let input? in node.inputs where places[input] == nil {
        places[input] = constant(input).map { result.addConstant(self[input].name, $0) }
        if let place = places[input] { result[place].elementType = self[input].elementType }
      }
      let output = result.addActivation(
        self[node.output].name, shape: self[node.output].shape,
        type: self[node.output].elementType)
      places[node.output] = output
      node.inputs = node.inputs.map { $0.flatMap { places[$0] } }
      node.output = output
      result.nodes.append(node)
    }
    result.outputs = outputs.compactMap { places[$0] }
    return result
  }
}
