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
    var batches: Set<BatchAxis> = []
    for input in graph.input where !isInitializer(input.name) {
      let (batch, shape) = try shape(of: input)
      batches.insert(batch)
      guard symbols[input.name] == nil, !input.name.isEmpty else {
        throw ONNXError(.invalidGraph, "graph › input \"\(input.name)\": it is defined twice")
      }
      let id = draft.addActivation(input.name, shape: shape)
      draft.inputs.append(id)
      symbols[input.name] = .activation(id)
    }
    guard let batch = batches.first else {
      throw ONNXError(.invalidGraph, "graph: it has no inputs; export the model with its input")
    }
    guard batches.count == 1 else {
      throw ONNXError(
        .unsupported, "graph: its inputs have different batch axes; give all of them the same")
    }
    switch batch {
    case .named(let name): draft.metadata.batchName = name
    case .fixed(let size): (draft.metadata.batchName, draft.metadata.batchSize) = (nil, size)
    }
  }

  /// What a file says about axis 0.
  private enum BatchAxis: Hashable {
    case named(String)
    case fixed(Int)
  }

  private func shape(of input: Onnx_ValueInfoProto) throws -> (BatchAxis, Shape) {
    func failure(_ code: ONNXError.Code, _ message: String) -> ONNXError {
      ONNXError(code, "graph › input \"\(input.name)\": \(message)")
    }
    guard case .tensorType(let type)? = input.type.value, type.hasShape,
      let first = type.shape.dim.first
    else {
      throw failure(.unsupported, "it has no shape; export the model with a fixed image size")
    }
    let float = Int32(Onnx_TensorProto.DataType.float.rawValue)
    guard type.elemType == float else {
      throw failure(
        .unsupported, "its elements are of type \(type.elemType); export the model in float32")
    }
    let extents = try type.shape.dim.enumerated().dropFirst().map { axis, dimension in
      guard case .dimValue(let extent)? = dimension.value, extent > 0 else {
        let axisName = dimension.dimParam.isEmpty ? "" : " (\"\(dimension.dimParam)\")"
        throw failure(
          .unsupported,
          "axis \(axis)\(axisName) is dynamic; only axis 0 may be: export with a fixed size")
      }
      return Int(extent)
    }
    let shape = Shape.batched(extents)
    try check(shape) { failure(.invalidGraph, "its shape \(shape) \($0)") }
    if case .dimValue(let size)? = first.value, size > 0 { return (.fixed(Int(size)), shape) }
    return (.named(first.dimParam.isEmpty ? "batch" : first.dimParam), shape)
  }

  /// Finds the outputs, and gives each the name that the file promises.
  mutating func readOutputs() throws {
    for output in graph.output {
      func failure(_ message: String) -> ONNXError {
        ONNXError(.invalidGraph, "graph › output \"\(output.name)\": \(message)")
      }
      guard case .activation(let id)? = symbols[output.name] else {
        let found = names.contains(output.name) ? "it is a constant" : "nothing computes it"
        throw failure("\(found); export the model again")
      }
      guard !draft.outputs.contains(id), !draft.inputs.contains(id) else {
        throw failure("it repeats another output or an input; remove it")
      }
      draft[id].name = output.name
      draft.outputs.append(id)
    }
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
      let place = result.addActivation(self[input].name, shape: self[input].shape)
      places[input] = place
      return place
    }
    for var node in live.reversed() {
      for case let input? in node.inputs where places[input] == nil {
        places[input] = constant(input).map { result.addConstant(self[input].name, $0) }
      }
      let output = result.addActivation(self[node.output].name, shape: self[node.output].shape)
      places[node.output] = output
      node.inputs = node.inputs.map { $0.flatMap { places[$0] } }
      node.output = output
      result.nodes.append(node)
    }
    result.outputs = outputs.compactMap { places[$0] }
    return result
  }
}
