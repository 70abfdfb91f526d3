import Foundation
import NetworkGraph
import ONNXFormat
import ONNXSchema
import SwiftProtobuf
import Tensors
import TestSupport
import Testing

/// Weights in a file beside the model.
@Suite(.tags(.pure))
struct ExternalDataTests {
  private func model(_ entries: [String: String]) -> TinyModel {
    var model = TinyModel()
    model.add("w", floats: [], shape: [4, 1])
    model.proto.graph.initializer[0].dataLocation = .external
    model.proto.graph.initializer[0].externalData = entries.map { key, value in
      var entry = Onnx_StringStringEntryProto()
      entry.key = key
      entry.value = value
      return entry
    }
    model.add("MatMul", ["x", "w"])
    return model
  }

  private func withFolder<Result>(_ body: (URL) throws -> Result) throws -> Result {
    let folder = FileManager.default.temporaryDirectory.appending(
      path: "espalier-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let numbers: [Float] = [9, 1, 2, 3, 4]
    try numbers.withUnsafeBytes { Data($0) }.write(to: folder.appending(path: "weights.bin"))
    return try body(folder)
  }

  @Test("weights are read from their place in the file")
  func reads() throws {
    let model = model(["location": "weights.bin", "offset": "4", "length": "16"])
    let network = try withFolder { try model.network(directory: $0) }
    #expect(network.constant(network.nodes[0].inputs[1])?.elements == [1, 2, 3, 4])
  }

  @Test(
    "a missing, short or foreign file is refused",
    arguments: [
      (["location": "absent.bin"], "\"absent.bin\" is missing in"),
      (["location": "weights.bin", "offset": "8", "length": "16"], "is short: 20 bytes"),
      (["location": "weights.bin", "offset": "99"], "is short"),
      (["location": "weights.bin", "length": "-4"], "length of its external data is \"-4\""),
      (["location": "../weights.bin"], "lies outside the model's folder"),
      (["location": "/etc/hostname"], "lies outside the model's folder"),
      ([:], "names no file"),
    ] as [([String: String], String)])
  func refuses(entries: [String: String], message: String) throws {
    let failure = try withFolder { try model(entries).failure(directory: $0) }
    #expect(failure.contains(message))
    #expect(failure.contains("tensor \"w\""))
  }

  @Test("a model read without its folder says what it needs")
  func noFolder() throws {
    #expect(try model(["location": "weights.bin"]).failure().contains("read the model from its"))
  }

  /// Two large weights, of which one is used twice, and a small one.
  private func largeNetwork() throws -> Network {
    var model = TinyModel()
    model.add("w", floats: (0..<1200).map { Float($0) }, shape: [4, 300])
    model.add("v", floats: (0..<600).map { Float($0) / 7 }, shape: [300, 2])
    model.add("b", floats: [1, 2])
    model.add("MatMul", ["x", "w"], "a")
    model.add("MatMul", ["a", "v"], "c")
    model.add("Add", ["c", "b"])
    return try model.network()
  }

  @Test("weights beyond the limit lie in a file beside the model, at aligned places")
  func writes() throws {
    let network = try largeNetwork()
    try withTemporaryFolder { folder in
      let url = folder.appending(path: "large.onnx")
      for _ in 0..<2 {
        try ONNXModel.write(network, to: url, embeddingUpTo: 1000)
        var again = try ONNXModel.read(url)
        again.metadata.producerName = network.metadata.producerName
        #expect(again == network)
      }
      let files = try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()
      #expect(files == ["large.onnx", "large.onnx.data"])
      let proto = try Onnx_ModelProto(serializedBytes: Data(contentsOf: url))
      let tensors = proto.graph.initializer
      #expect(tensors.map(\.name) == ["w", "v", "b"])
      #expect(tensors.map { $0.dataLocation == .external } == [true, true, false])
      #expect(tensors[1].externalData.map(\.value) == ["large.onnx.data", "8192", "2400"])
      #expect(tensors[1].rawData.isEmpty)
    }
  }

  @Test("weights within the limit stay in the model")
  func embeds() throws {
    let network = try largeNetwork()
    try withTemporaryFolder { folder in
      try ONNXModel.write(network, to: folder.appending(path: "small.onnx"))
      let files = try FileManager.default.contentsOfDirectory(atPath: folder.path)
      #expect(files == ["small.onnx"])
    }
  }

  @Test("external weights of another length than their shape are refused")
  func wrongLength() throws {
    let model = model(["location": "weights.bin", "length": "20"])
    let failure = try withFolder { try model.failure(directory: $0) }
    #expect(failure.contains("it holds 20 bytes where its shape and type need 16"))
  }
}
