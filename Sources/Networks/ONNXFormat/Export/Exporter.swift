import Foundation
import NetworkGraph
import ONNXSchema
import Tensors

/// Builds a model from a network, in the words of the network's opset.
struct Exporter {
  let network: Network
  private(set) var graph = Onnx_GraphProto()
  /// Names of values that are taken.
  private var names: Set<String>
  /// Initializers that stand for attributes, by their content: equal ones are stored once.
  private var arguments: [Onnx_TensorProto: String] = [:]

  var opset: Int64 { network.metadata.opset }

  init(network: Network) {
    self.network = network
    names = Set(network.values.map(\.name))
  }

  mutating func model(lineage: [String: String]) throws -> Onnx_ModelProto {
    guard ONNXModel.opsets.contains(opset) else {
      throw ONNXError(.unsupported, "network \"\(network.name)\": opset \(opset) is not written")
    }
    graph.name = network.name.isEmpty ? "main_graph" : network.name
    graph.input = network.inputs.map(valueInfo)
    graph.output = network.outputs.map(valueInfo)
    var written: Set<ValueID> = []
    for node in network.nodes {
      for case let input? in node.inputs {
        guard let tensor = network.constant(input), written.insert(input).inserted else { continue }
        graph.initializer.append(
          Onnx_TensorProto(network[input].name, shape: tensor.shape, floats: tensor.elements))
      }
      try write(node)
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
      var entry = Onnx_StringStringEntryProto()
      entry.key = key
      entry.value = value
      return entry
    }
    model.graph = graph
    return model
  }

  private func valueInfo(_ id: ValueID) -> Onnx_ValueInfoProto {
    var type = Onnx_TypeProto.Tensor()
    type.elemType = Int32(Onnx_TensorProto.DataType.float.rawValue)
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

  mutating func append(
    _ type: String, _ node: Node, inputs: [String], attributes: [Onnx_AttributeProto] = []
  ) {
    var proto = Onnx_NodeProto()
    proto.opType = type
    proto.name = node.name
    // Optional inputs at the end are left out; those before stay as empty names.
    proto.input = inputs.reversed().drop { $0.isEmpty }.reversed()
    proto.output = [network[node.output].name]
    proto.attribute = attributes
    graph.node.append(proto)
  }

  /// The names of a node's own inputs, empty where left out.
  func inputNames(_ node: Node) -> [String] {
    node.inputs.map { input in input.map { network[$0].name } ?? "" }
  }

  /// The initializer that holds an attribute, `tensor`, made if there is none yet.
  mutating func argument(_ tensor: Onnx_TensorProto, of node: Node, _ role: String) -> String {
    if let name = arguments[tensor] { return name }
    let stem = "\(node.name).\(role)"
    var name = stem
    var suffix = 1
    while !names.insert(name).inserted {
      name = "\(stem)_\(suffix)"
      suffix += 1
    }
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
}
