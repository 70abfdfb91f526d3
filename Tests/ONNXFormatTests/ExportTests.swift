import Foundation
import NetworkGraph
import ONNXFormat
import ONNXSchema
import SwiftProtobuf
import TestSupport
import Testing

/// What is written, in the words of each opset.
@Suite(.tags(.pure))
struct ExportTests {
  /// Every operator whose form depends on the opset.
  private func model(opset: Int64) -> TinyModel {
    var model = TinyModel(opset: opset, input: [nil, 2, 4, 4])
    let floats: [(String, Float)] = [("zero", 0), ("six", 6)]
    for (name, number) in floats { model.add(name, floats: [number], shape: []) }
    let lists = [
      ("starts", [0]), ("ends", [2]), ("axes", [2]), ("pads", [0, 1, 0, 0, 0, 0, 0, 0]),
    ]
    for (name, integers) in lists { model.add(name, integers: integers) }
    if opset < 11 {
      model.add("Clip", ["x"], "a", with: ["min": Float(0), "max": Float(6)])
      model.add("Pad", ["a"], "b", with: ["pads": [0, 1, 0, 0, 0, 0, 0, 0]])
    } else {
      model.add("Clip", ["x", "zero", "six"], "a")
      model.add("Pad", ["a", "pads"], "b")
    }
    if opset < 10 {
      model.add("Slice", ["b"], "c", with: ["starts": [0], "ends": [2], "axes": [2]])
    } else {
      model.add("Slice", ["b", "starts", "ends", "axes"], "c")
    }
    if opset < 18 {
      model.add("ReduceMean", ["c"], "d", with: ["axes": [2], "keepdims": 0])
    } else {
      model.add("ReduceMean", ["c", "axes"], "d", with: ["keepdims": 0])
    }
    model.add("Flatten", ["d"], "e")
    model.add("w", floats: Array(repeating: 1, count: 24), shape: [12, 2])
    model.add("MatMul", ["e", "w"])
    return model
  }

  @Test(
    "what is written for an opset is read again", arguments: [9, 10, 11, 13, 18, 28] as [Int64])
  func opsets(opset: Int64) throws {
    let network = try model(opset: opset).network()
    #expect(network.nodes.count == 6)
    var again = try ONNXModel.decode(ONNXModel.encode(network), name: "again")
    again.metadata.producerName = network.metadata.producerName
    #expect(again == network)
  }

  @Test("arguments are inputs or attributes, as the opset wants them")
  func forms() throws {
    for opset in [9, 18] as [Int64] {
      let network = try model(opset: opset).network()
      let proto = try Onnx_ModelProto(serializedBytes: ONNXModel.encode(network))
      let inputs = proto.graph.node.map(\.input.count)
      #expect(inputs == (opset == 9 ? [1, 1, 1, 1, 1, 2] : [3, 2, 5, 2, 1, 2]))
      #expect(proto.graph.initializer.allSatisfy { $0.hasRawData && $0.floatData.isEmpty })
      #expect(proto.opsetImport.map(\.version) == [opset])
    }
  }

  @Test("documentation, version, properties and names are kept, lineage is added")
  func metadata() throws {
    var model = TinyModel()
    model.proto.docString = "About it."
    model.proto.modelVersion = 4
    model.proto.domain = "org.example"
    var entry = Onnx_StringStringEntryProto()
    entry.key = "author"
    entry.value = "somebody"
    model.proto.metadataProps = [entry]
    model.add("Relu", ["x"], name: "only")
    let bytes = try ONNXModel.encode(model.network(), lineage: ["parent": "p"])
    let proto = try Onnx_ModelProto(serializedBytes: bytes)
    #expect(proto.docString == "About it.")
    #expect(proto.modelVersion == 4)
    #expect(proto.domain == "org.example")
    #expect(proto.metadataProps.map(\.key) == ["author", "parent"])
    #expect(proto.producerName == "espalier")
    #expect(proto.graph.node.map(\.name) == ["only"])
  }

  @Test("a fixed batch stays fixed")
  func fixedBatch() throws {
    var model = TinyModel(input: [3, 4])
    model.add("target", integers: [3, 2, 2])
    model.add("Reshape", ["x", "target"])
    let network = try model.network()
    let proto = try Onnx_ModelProto(serializedBytes: ONNXModel.encode(network))
    let shapes = (proto.graph.input + proto.graph.output).map {
      $0.type.tensorType.shape.dim.map(\.dimValue)
    }
    #expect(shapes == [[3, 4], [3, 2, 2]])
    #expect(try ONNXModel.decode(proto.serializedData(), name: "again").metadata.batchSize == 3)
  }

  @Test("a file is written and read again")
  func files() throws {
    var model = TinyModel()
    model.add("Relu", ["x"])
    let url = FileManager.default.temporaryDirectory.appending(path: "\(UUID().uuidString).onnx")
    defer { try? FileManager.default.removeItem(at: url) }
    try ONNXModel.write(model.network(), to: url)
    #expect(try ONNXModel.read(url).nodes.count == 1)
    #expect {
      try ONNXModel.write(model.network(), to: URL(filePath: "/nowhere/model.onnx"))
    } throws: { error in
      "\(error)".contains("/nowhere/model.onnx: cannot be written")
    }
  }
}
