import Foundation
import NetworkGraph
import ONNXSchema
import Tensors

/// Builds a model from a network, in the words of the network's opset.
struct Exporter {
  let network: Network
  /// Where the elements of constants go.
  private let weights: WeightPlacement
  private(set) var graph = Onnx_GraphProto()
  /// Names of values that are taken.
  private var names: Set<String>
  private var nodeNames: Set<String>
  /// Initializers that stand for attributes, by their content: equal ones are stored once.
  private var arguments: [Onnx_TensorProto: String] = [:]
  /// Constants written, with the shape they were written in.
  private var written: [ValueID: [Int]] = [:]
  private let readers: [[Int]]

  var opset: Int64 { network.metadata.opset }

  init(network: Network, weights: WeightPlacement = WeightPlacement()) {
    self.network = network
    self.weights = weights
    names = Set(network.values.map(\.name))
    nodeNames = Set(network.nodes.map(\.name))
    readers = network.consumers()
  }

  mutating func model(lineage: [String: String]) throws -> Onnx_ModelProto {
    guard ONNXModel.opsets.contains(opset) else {
      throw ONNXError(.unsupported, "network \"\(network.name)\": opset \(opset) is not written")
    }
    graph.name = network.name.isEmpty ? "main_graph" : network.name
    graph.input = network.inputs.map(valueInfo)
    graph.output = network.outputs.map(valueInfo)
    let splits = SplitParts(network)
    for (index, node) in network.nodes.enumerated() {
      switch splits.role(of: index) {
      case .alone: try write(node)
      case .first(let parts): try write(split: parts)
      case .later: break
      }
    }
    return header(lineage: lineage)
  }

  private func header(lineage: [String: String]) -> Onnx_ModelProto {
    let metadata = network.metadata
    var model = Onnx_ModelProto()
    // From version 4 on, initializers need not be listed among the inputs.
    model.irVersion = max(metadata.irVersion, 4)
    var standard = Onnx_OperatorSetIdProto()
    standard.domain = ""
    standard.version = metadata.opset
    model.opsetImport = [standard]
    model.producerName = "espalier"
    if !metadata.domain.isEmpty { model.domain = metadata.domain }
    if metadata.modelVersion != 0 { model.modelVersion = metadata.modelVersion }
    if !metadata.documentation.isEmpty { model.docString = metadata.documentation }
    let properties = metadata.properties.merging(lineage) { _, new in new }
    model.metadataProps = properties.sorted { $0.key < $1.key }.map { key, value in
      Onnx_StringStringEntryProto(key, value)
    }
    model.graph = graph
    return model
  }

  private func valueInfo(_ id: ValueID) -> Onnx_ValueInfoProto {
    var type = Onnx_TypeProto.Tensor()
    type.elemType = Int32(network[id].elementType.dataType.rawValue)
    type.shape.dim = network[id].shape.dimensions.map { dimension in
      var result = Onnx_TensorShapeProto.Dimension()
      switch (dimension.extent ?? network.metadata.batchSize, network.metadata.batchName) {
      case (let extent?, _): result.dimValue = Int64(extent)
      case (nil, let name): result.dimParam = name ?? "batch"
      }
      return result
    }
    var info = Onnx_ValueInfoProto()
    info.name = network[id].name
    info.type.tensorType = type
    return info
  }

  /// Writes the node's own operator, whose result is the node's output.
  mutating func append(
    _ type: String, _ node: Node, inputs: [String], attributes: [Onnx_AttributeProto] = []
  ) {
    append(
      type, name: node.name, inputs: inputs, outputs: [network[node.output].name],
      attributes: attributes)
  }

  /// Writes a step on the way to a node's output.
  ///
  /// - Returns: The name of its result.
  mutating func step(
    _ type: String, _ node: Node, _ role: String, inputs: [String],
    attributes: [Onnx_AttributeProto] = []
  ) -> String {
    let result = names.insertUnique("\(network[node.output].name).\(role)")
    append(
      type, name: nodeNames.insertUnique("\(node.name).\(role)"), inputs: inputs,
      outputs: [result], attributes: attributes)
    return result
  }

  mutating func append(
    _ type: String, name: String, inputs: [String], outputs: [String],
    attributes: [Onnx_AttributeProto]
  ) {
    var proto = Onnx_NodeProto()
    proto.opType = type
    proto.name = name
    // Optional inputs at the end are left out; those before stay as empty names.
    proto.input = inputs.reversed().drop { $0.isEmpty }.reversed()
    proto.output = outputs
    proto.attribute = attributes
    graph.node.append(proto)
  }

  /// The names of a node's own inputs, empty where left out; constants are written when first met.
  mutating func inputNames(_ node: Node) throws -> [String] {
    try node.inputs.map { try $0.map { try name($0) } ?? "" }
  }

  /// The name of a value.
  ///
  /// - Parameter shape: The shape a constant is written in; by default its own. A constant that
  ///   several nodes read is written once more for another shape.
  mutating func name(_ id: ValueID, shape: [Int]? = nil) throws -> String {
    let value = network[id]
    guard let tensor = value.constant else { return value.name }
    let shape = shape ?? tensor.shape
    if written[id] == shape { return value.name }
    let isOwn = written[id] == nil && (shape == tensor.shape || readers[id.index].count == 1)
    let name = isOwn ? value.name : names.insertUnique("\(value.name).reshaped")
    if isOwn { written[id] = shape }
    graph.initializer.append(
      try weights.tensor(name, tensor.reshaped(shape), type: value.elementType))
    return name
  }

  /// The initializer that holds an attribute, `tensor`, made if there is none yet.
  mutating func argument(_ tensor: Onnx_TensorProto, of node: Node, _ role: String) -> String {
    if let name = arguments[tensor] { return name }
    let name = names.insertUnique("\(node.name).\(role)")
    arguments[tensor] = name
    var named = tensor
    named.name = name
    graph.initializer.append(named)
    return name
  }

  mutating func argument(_ integers: [Int], of node: Node, _ role: String) -> String {
    argument(Onnx_TensorProto("", integers: integers), of: node, role)
  }

  mutating func argument(_ float: Float, of node: Node, _ role: String) -> String {
    argument(Onnx_TensorProto("", shape: [], floats: [float]), of: node, role)
  }

  mutating func argument(_ floats: [Float], of node: Node, _ role: String) -> String {
    argument(Onnx_TensorProto("", shape: [floats.count], floats: floats), of: node, role)
  }

  /// A value that holds `shape` when the network runs, the batch as it is then.
  mutating func runtimeShape(_ shape: Shape, of node: Node) -> String {
    guard let place = shape.batchAxis else {
      return argument(shape.resolved(batch: 1), of: node, "shape")
    }
    // The batch is axis 0 of every input.
    let input = network.inputs.first.map { network[$0].name } ?? ""
    let whole = step("Shape", node, "input_shape", inputs: [input])
    let index = argument([0], of: node, "batch_axis")
    var batch = step(
      "Gather", node, "batch", inputs: [whole, index], attributes: [.integer("axis", 0)])
    if shape[place] != .batch {
      let places = argument([shape[place].perImage], of: node, "places")
      batch = step("Mul", node, "batch_places", inputs: [batch, places])
    }
    let extents = shape.dimensions.map { $0.extent ?? 0 }
    var parts = [batch]
    if place > 0 { parts.insert(argument(Array(extents[..<place]), of: node, "before"), at: 0) }
    if place + 1 < extents.count {
      parts.append(argument(Array(extents[(place + 1)...]), of: node, "after"))
    }
    return step(
      "Concat", node, "shape", inputs: parts, attributes: [.integer("axis", 0)])
  }

  /// An operator that the network's opset does not have, nor words for.
  func lacking(_ node: Node, since: Int64) -> ONNXError {
    ONNXError(
      .unsupported,
      """
      node "\(node.name)": \(node.operation.name) needs opset \(since), and the network has opset \
      \(opset); export the model with a newer opset
      """)
  }
}
