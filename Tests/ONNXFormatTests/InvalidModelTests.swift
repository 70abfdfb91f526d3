import Foundation
import NetworkGraph
import ONNXFormat
import ONNXSchema
import Tensors
import TestSupport
import Testing

/// What is refused, and in which words.
@Suite(.tags(.pure))
struct InvalidModelTests {
  @Test("an unsupported operator is named with its domain, opset and node")
  func unsupportedOperator() throws {
    var model = TinyModel()
    model.add("Einsum", ["x"], name: "mix")
    let failure = try model.failure()
    #expect(failure.hasPrefix("tiny.onnx: graph › node \"mix\" (Einsum): operator Einsum of"))
    #expect(failure.contains("domain ai.onnx (opset 13)") && failure.contains("replace it"))
    model.proto.graph.node[0].domain = "com.example"
    #expect(try model.failure().contains("domain com.example"))
  }

  @Test("an operator that no output needs is no obstacle")
  func unusedOperator() throws {
    var model = TinyModel()
    model.add("Einsum", ["x"], "unused")
    model.add("Relu", ["x"])
    #expect(try model.network().nodes.count == 1)
  }

  @Test("opsets outside 9…28 are refused", arguments: [8, 29] as [Int64])
  func opset(version: Int64) throws {
    var model = TinyModel(opset: version)
    model.add("Relu", ["x"])
    #expect(try model.failure().contains("opset \(version) is not supported"))
  }

  @Test("nodes are read in an order that works, whatever the file's")
  func sorting() throws {
    var model = TinyModel()
    model.add("Sigmoid", ["a"], name: "second")
    model.add("Relu", ["x"], "a", name: "first")
    #expect(try model.network().nodes.map(\.name) == ["first", "second"])
  }

  @Test("cycles, dangling names and double definitions are named")
  func structure() throws {
    var model = TinyModel()
    model.add("Add", ["x", "b"], "a", name: "one")
    model.add("Relu", ["a"], "b", name: "two")
    model.add("Relu", ["b"], "y")
    #expect(try model.failure().contains("depends on its own output"))

    model = TinyModel()
    model.add("Relu", ["ghost"], name: "lost")
    #expect(try model.failure().contains("node \"lost\" (Relu): its input \"ghost\""))

    model = TinyModel()
    model.add("Relu", ["x"])
    model.add("Tanh", ["x"], name: "again")
    #expect(try model.failure().contains("\"y\" is defined twice"))
    #expect(try TinyModel().failure().contains("nothing computes it"))
  }

  @Test("nodes get unique names")
  func names() throws {
    var model = TinyModel()
    model.add("Relu", ["x"], "a", name: "Tanh_2")
    model.add("Relu", ["a"], "b", name: "Tanh_2")
    model.add("Tanh", ["b"])
    #expect(try model.network().nodes.map(\.name) == ["Tanh_2", "Tanh_2_1", "Tanh_2_2"])
  }

  @Test("a dynamic axis other than the batch is refused by name")
  func dynamicAxis() throws {
    var model = TinyModel(input: [nil, 3, nil])
    model.proto.graph.input[0].type.tensorType.shape.dim[2].dimParam = "height"
    model.add("Relu", ["x"])
    #expect(try model.failure().contains("axis 2 (\"height\") is dynamic"))
  }

  @Test("weights that do not fit their node are named")
  func weights() throws {
    var model = TinyModel(input: [nil, 3, 4, 4])
    model.add("w", floats: Array(repeating: 1, count: 18), shape: [1, 2, 3, 3])
    model.add("Conv", ["x", "w"], name: "conv")
    #expect(try model.failure().contains("node \"conv\" (Conv): its weight of shape [1, 2, 3, 3]"))

    model = TinyModel()
    model.add("w", floats: [1, 2, 3], shape: [3, 1])
    model.add("Gemm", ["x", "w"])
    #expect(try model.failure().contains("does not fit x [N, 4]"))
  }

  @Test("weights that are not finite are refused", arguments: [Float.nan, .infinity])
  func nonFinite(number: Float) throws {
    var model = TinyModel()
    model.add("w", floats: [1, number, 1, 1], shape: [4, 1])
    model.add("MatMul", ["x", "w"])
    #expect(try model.failure().contains("weight \"w\" holds NaN or infinite"))
  }

  @Test("a tensor that is short or of an unsupported type is named")
  func tensors() throws {
    var model = TinyModel()
    model.add("w", floats: [1, 2, 3], shape: [4, 1])
    model.add("MatMul", ["x", "w"])
    #expect(try model.failure().contains("tensor \"w\": it holds 3 elements"))
    model.proto.graph.initializer[0].floatData = []
    model.proto.graph.initializer[0].rawData = Data(count: 15)
    #expect(try model.failure().contains("it holds 15 bytes where its shape and type need 16"))
    model.proto.graph.initializer[0].dims = [.max, .max]
    #expect(try model.failure().contains("makes no sense"))
    model.proto.graph.initializer[0].dims = [4, 1]
    model.proto.graph.initializer[0].dataType = 14
    #expect(try model.failure().contains("not supported; export the model in float32"))
  }

  @Test("half and double precision weights become single precision")
  func otherFloats() throws {
    let half = [UInt16(0x3C00), 0xC000, 0x3800, 0x0001]
    let brain = [UInt16(0x3F80), 0xC000, 0x3F00, 0x3C00]
    let cases: [(Int32, Data, [Float])] = [
      (10, half.withUnsafeBytes { Data($0) }, [1, -2, 0.5, 0x1p-24]),
      (16, brain.withUnsafeBytes { Data($0) }, [1, -2, 0.5, 0x1p-7]),
      (11, [1, -2, 0.5, 3].withUnsafeBytes { Data($0) }, [1, -2, 0.5, 3]),
    ]
    for (type, bytes, expected) in cases {
      var model = TinyModel()
      model.add("w", floats: [], shape: [4, 1])
      model.proto.graph.initializer[0].dataType = type
      model.proto.graph.initializer[0].rawData = bytes
      model.add("MatMul", ["x", "w"])
      let network = try model.network()
      #expect(network.constant(network.nodes[0].inputs[1])?.elements == expected)
    }
  }
}
