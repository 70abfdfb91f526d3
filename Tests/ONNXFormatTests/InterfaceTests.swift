import Foundation
import NetworkGraph
import ONNXFormat
import ONNXSchema
import SwiftProtobuf
import Tensors
import TestSupport
import Testing

/// Inputs and outputs: how many, of which types, with which axes.
@Suite(.tags(.pure))
struct InterfaceTests {
  private func dynamic() -> TinyModel {
    var model = TinyModel(input: [nil, 3, nil, nil])
    model.proto.graph.input[0].type.tensorType.shape.dim[2].dimParam = "height"
    model.proto.graph.input[0].type.tensorType.shape.dim[3].dimParam = ""
    model.add("Relu", ["x"])
    return model
  }

  @Test("dynamic axes are bound by name, or by input and axis")
  func bindings() throws {
    let options = ImportOptions(bindings: ["height": 8, "x:3": 6])
    let network = try dynamic().network(options: options)
    #expect(network[network.inputs[0]].shape == .batched([3, 8, 6]))
    #expect(network[network.outputs[0]].shape == .batched([3, 8, 6]))
  }

  @Test("an axis that is not bound, and a binding of no axis, are named")
  func unbound() throws {
    let partly = ImportOptions(bindings: ["height": 8])
    #expect(try dynamic().failure(options: partly).contains("axis 3 is dynamic"))
    #expect(try dynamic().failure(options: partly).contains("--bind x:3=224"))
    let surplus = ImportOptions(bindings: ["height": 8, "x:3": 6, "depth": 2])
    #expect(try dynamic().failure(options: surplus).contains("no dynamic axis \"depth\""))
  }

  @Test("without a batch every axis is fixed, and may be reduced over")
  func wholeGraph() throws {
    var model = TinyModel(input: [3, 4])
    model.add("ReduceMax", ["x"], with: ["axes": [0], "keepdims": 0])
    #expect(try model.failure().contains("mixes images"))
    let (first, again) = try model.written(options: ImportOptions(batch: .none))
    #expect(first[first.outputs[0]].shape == Shape([4]))
    #expect(again == first)
  }

  @Test("several inputs and outputs keep their names, types and order")
  func several() throws {
    var model = TinyModel(opset: 13, input: [nil, 4])
    var codes = TinyModel.value("codes", [nil, 4])
    codes.type.tensorType.elemType = 2
    model.proto.graph.input.append(codes)
    model.proto.graph.output.append(TinyModel.value("best", [nil]))
    model.add("Cast", ["codes"], "floats", with: ["to": 1])
    model.add("Add", ["x", "floats"], "y")
    model.add("ArgMax", ["y"], "best", with: ["axis": 1, "keepdims": 0])
    let (first, again) = try model.written()
    #expect(first.inputs.map { first[$0].elementType } == [.float32, .uint8])
    #expect(first.outputs.map { first[$0].name } == ["y", "best"])
    #expect(first.outputs.map { first[$0].elementType } == [.float32, .int64])
    #expect(again == first)
    let proto = try Onnx_ModelProto(serializedBytes: ONNXModel.encode(first))
    #expect(proto.graph.output.map(\.type.tensorType.elemType) == [1, 7])
  }

  @Test("an output that is an input, or another output, gets a value of its own")
  func passedThrough() throws {
    var model = TinyModel()
    model.proto.graph.output += [
      TinyModel.value("same", [nil, 4]), TinyModel.value("z", [nil, 4]),
    ]
    model.add("Relu", ["x"])
    model.add("Identity", ["x"], "same")
    model.add("Identity", ["y"], "z")
    let (first, again) = try model.written()
    #expect(first.nodes.map(\.operation.name) == ["Relu", "Reshape", "Reshape"])
    #expect(first.outputs.map { first[$0].name } == ["y", "same", "z"])
    #expect(again == first)
  }

  @Test("a constant output is refused")
  func constantOutput() throws {
    var model = TinyModel()
    model.proto.graph.output.append(TinyModel.value("c", [1]))
    model.add("c", floats: [1])
    model.add("Relu", ["x"])
    #expect(try model.failure().contains("output \"c\": it is a constant"))
  }

  @Test("inputs of half precision are read as float32, and that is said")
  func halfInputs() throws {
    var model = TinyModel()
    model.proto.graph.input[0].type.tensorType.elemType = 10
    model.add("w", floats: [], shape: [4, 1])
    model.proto.graph.initializer[0].dataType = 10
    model.proto.graph.initializer[0].rawData = Data(count: 8)
    model.add("MatMul", ["x", "w"])
    let reading = try withTemporaryFolder { folder in
      let url = folder.appending(path: "half.onnx")
      try model.proto.serializedData().write(to: url)
      return try ONNXModel.reading(url)
    }
    #expect(reading.notes.count == 2)
    #expect(reading.notes[0].contains("input \"x\" is float16"))
    #expect(reading.notes[1].contains("1 tensors are stored as float16"))
    model.proto.graph.input[0].type.tensorType.elemType = 8
    #expect(try model.failure().contains("its elements are of type"))
  }

  @Test("int8 weights are read through their scales; quantised activations are refused")
  func quantised() throws {
    var model = TinyModel(opset: 13)
    model.add("q", integers: [1, 2, 3, 4, 5, 6, 7, 8], shape: [4, 2])
    model.add("scale", floats: [0.5, 2])
    model.add("zero", integers: [1, 0])
    model.add("DequantizeLinear", ["q", "scale", "zero"], "w", with: ["axis": 1])
    model.add("MatMul", ["x", "w"])
    let network = try model.network()
    #expect(
      network.constant(network.nodes[0].inputs[1])?.elements == [0, 4, 1, 8, 2, 12, 3, 16])
    var activation = TinyModel(opset: 13)
    activation.add("s", floats: [1], shape: [])
    activation.add("QuantizeLinear", ["x", "s"], name: "quantise")
    let failure = try activation.failure()
    #expect(failure.contains("node \"quantise\" (QuantizeLinear): quantised activations"))
  }
}

/// A folder that is gone afterwards.
func withTemporaryFolder<Result>(_ body: (URL) throws -> Result) throws -> Result {
  let folder = FileManager.default.temporaryDirectory.appending(
    path: "espalier-\(UUID().uuidString)")
  try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
  defer { try? FileManager.default.removeItem(at: folder) }
  return try body(folder)
}
