import Foundation
import NetworkGraph
import ONNXFormat
import TestSupport
import Testing

/// Real networks, read and written.
@Suite(.requiresSharedData, .tags(.pure))
struct SharedModelTests {
  struct Model: Sendable, CustomTestStringConvertible {
    let file: String
    /// From models.json: parameters, BatchNorm statistics not counted.
    let nodes: [String: Int]
    var testDescription: String { file }
  }

  static let residual20 = [
    "Conv": 19, "BatchNormalization": 19, "Relu": 19, "Add": 9, "Slice": 4, "Pad": 2,
    "AveragePool": 1, "Reshape": 1, "Gemm": 1,
  ]

  static let models = [
    Model(
      file: "resnet8-cifar10.onnx",
      nodes: [
        "Conv": 9, "BatchNormalization": 7, "Relu": 7, "Add": 3, "AveragePool": 1, "Flatten": 1,
        "Gemm": 1,
      ]),
    Model(file: "resnet20-cifar10.onnx", nodes: residual20),
    Model(file: "resnet20-cifar10-unsimplified.onnx", nodes: residual20),
    Model(
      file: "resnet20-cifar10-folded.onnx",
      nodes: residual20.filter { $0.key != "BatchNormalization" }),
    Model(
      file: "resnet56-cifar10.onnx",
      nodes: [
        "Conv": 55, "BatchNormalization": 55, "Relu": 55, "Add": 27, "Slice": 4, "Pad": 2,
        "AveragePool": 1, "Reshape": 1, "Gemm": 1,
      ]),
    Model(
      file: "mobilenetv1-0.75-imagenet.onnx",
      nodes: [
        "Conv": 28, "BatchNormalization": 27, "Clip": 27, "GlobalAveragePool": 1, "Flatten": 1,
      ]),
    Model(
      file: "mobilenetv2-1.0-imagenet.onnx",
      nodes: ["Conv": 52, "Clip": 35, "Add": 10, "ReduceMean": 1, "Gemm": 1]),
  ]

  static func url(_ file: String) -> URL { Fixtures.shared.appending(path: "models/\(file)") }

  @Test("a published model is read, with its constant subgraphs gone", arguments: models)
  func reads(model: Model) throws {
    let network = try ONNXModel.read(Self.url(model.file))
    let counts = Dictionary(network.nodes.map { ($0.operation.name, 1) }, uniquingKeysWith: +)
    #expect(counts == model.nodes)
    #expect(network.inputs.map { network[$0].name } == ["input"])
    #expect(network.outputs.map { network[$0].name } == ["logits"])
    #expect(network.metadata.batchName == "batch")
    #expect(network.metadata.batchSize == nil)
    let classes = model.file.contains("imagenet") ? 1000 : 10
    #expect(network.outputs.map { network[$0].shape } == [.batched([classes])])
    var inferred = network
    try inferred.inferShapes()
    #expect(inferred == network)
  }

  @Test("a model written and read again is the same network", arguments: models)
  func roundTrip(model: Model) throws {
    let network = try ONNXModel.read(Self.url(model.file))
    let bytes = try ONNXModel.encode(network, lineage: ["espalier.parent": "abc"])
    var again = try ONNXModel.decode(bytes, name: "again")
    #expect(again.metadata.properties == ["espalier.parent": "abc"])
    #expect(again.metadata.producerName == "espalier")
    #expect(again.metadata.opset == network.metadata.opset)
    again.metadata = network.metadata
    #expect(again == network)
    // Names and structure cost little beside the weights.
    let weights = ONNXModel.initializerBytes(network)
    #expect(bytes.count > weights && bytes.count < weights + 300 * network.nodes.count)
  }

  @Test("the three exports of one network differ only where they were folded")
  func exports() throws {
    let plain = try ONNXModel.read(Self.url("resnet20-cifar10.onnx"))
    let unsimplified = try ONNXModel.read(Self.url("resnet20-cifar10-unsimplified.onnx"))
    #expect(plain == unsimplified)
  }
}
