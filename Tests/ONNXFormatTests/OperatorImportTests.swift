import NetworkGraph
import ONNXFormat
import ONNXSchema
import Tensors
import TestSupport
import Testing

/// Operators whose attributes have several spellings.
@Suite(.tags(.pure))
struct OperatorImportTests {
  @Test("SAME padding puts the odd zero after, or before", arguments: ["SAME_UPPER", "SAME_LOWER"])
  func samePadding(mode: String) throws {
    var model = TinyModel(input: [nil, 1, 6, 6])
    model.add("w", floats: Array(repeating: 1, count: 9), shape: [1, 1, 3, 3])
    model.add("Conv", ["x", "w"], with: ["auto_pad": mode, "strides": [2, 2]])
    let (before, after) = mode == "SAME_UPPER" ? ([0, 0], [1, 1]) : ([1, 1], [0, 0])
    let expected = Convolution(
      kernel: [3, 3], strides: [2, 2], padsBefore: before, padsAfter: after)
    #expect(try model.operation() == .convolution(expected))
  }

  @Test("clip bounds come from attributes before opset 11 and from inputs since")
  func clip() throws {
    var old = TinyModel(opset: 9)
    old.add("Clip", ["x"], with: ["min": Float(0), "max": Float(6)])
    #expect(try old.operation() == .activation(.clip(0, 6)))

    var new = TinyModel(opset: 13)
    new.add("half", floats: [3], shape: [])
    new.add("Add", ["half", "half"], "six")
    new.add("Clip", ["x", "", "six"])
    #expect(try new.operation() == .activation(.clip(-.infinity, 6)))
  }

  @Test("ReduceMean takes axes from the attribute or the input", arguments: [13, 18] as [Int64])
  func reduceMean(opset: Int64) throws {
    var model = TinyModel(opset: opset, input: [nil, 2, 3, 3])
    model.add("axes", integers: [-1, 2])
    if opset < 18 {
      model.add("ReduceMean", ["x"], with: ["axes": [-1, 2], "keepdims": 0])
    } else {
      model.add("ReduceMean", ["x", "axes"], with: ["keepdims": 0])
    }
    let network = try model.network()
    #expect(network.nodes[0].operation == .reduction(Reduction(axes: [2, 3], keepsAxes: false)))
    #expect(network[network.outputs[0]].shape == .batched([2]))
  }

  @Test("a slice is resolved: negative ends, ends beyond the axis, whole batch")
  func slice() throws {
    var model = TinyModel(input: [nil, 8, 5])
    model.add("starts", integers: [0, -3, 1])
    model.add("ends", integers: [.max, .max, -1])
    model.add("axes", integers: [0, 1, 2])
    model.add("steps", integers: [1, 2, 1])
    model.add("Slice", ["x", "starts", "ends", "axes", "steps"])
    let ranges = [
      Slice.Range(axis: 1, start: 5, end: 8, step: 2), .init(axis: 2, start: 1, end: 4),
    ]
    #expect(try model.operation() == .slice(Slice(ranges: ranges)))
  }

  @Test("pads cover the axes that opset 18 names")
  func pad() throws {
    var model = TinyModel(opset: 18, input: [nil, 8, 5])
    model.add("pads", integers: [1, 2])
    model.add("axes", integers: [-2])
    model.add("value", floats: [0.5], shape: [])
    model.add("Pad", ["x", "pads", "value", "axes"])
    let expected = Pad(before: [0, 1, 0], after: [0, 2, 0], mode: .constant(0.5))
    #expect(try model.operation() == .pad(expected))
  }

  @Test("a product with a constant matrix is a Gemm without bias")
  func matrixProduct() throws {
    var model = TinyModel()
    model.add("w", floats: Array(repeating: 1, count: 8), shape: [4, 2])
    model.add("MatMul", ["x", "w"])
    let network = try model.network()
    #expect(network.nodes[0].operation == .gemm(Gemm(transposesWeight: false)))
    #expect(network[network.outputs[0]].shape == .batched([2]))
  }

  @Test("a Gemm's bias is stored as one number per output", arguments: [[1, 3], [1], []])
  func gemmBias(shape: [Int]) throws {
    var model = TinyModel()
    model.add("w", floats: Array(repeating: 1, count: 12), shape: [3, 4])
    model.add("b", floats: Array(repeating: 2, count: shape.elementCount), shape: shape)
    model.add("Gemm", ["x", "w", "b"], with: ["transB": 1])
    let network = try model.network()
    #expect(network.constant(network.nodes[0].inputs[2])?.elements == [2, 2, 2])
    #expect(network.constant(network.nodes[0].inputs[2])?.shape == [3])
  }

  @Test("Identity and Dropout vanish, and the output keeps its name")
  func identities() throws {
    var model = TinyModel()
    model.add("Relu", ["x"], "a")
    model.add("Dropout", ["a"], "b")
    model.add("Identity", ["b"])
    let network = try model.network()
    #expect(network.nodes.map(\.operation) == [.activation(.relu)])
    #expect(network[network.outputs[0]].name == "y")
  }

  @Test("softmax before opset 13 joins the axes from its own on")
  func softmax() throws {
    var model = TinyModel(opset: 11)
    model.add("Softmax", ["x"])
    #expect(try model.operation() == .softmax(Softmax(axis: 1)))
    model = TinyModel(opset: 11, input: [nil, 4, 2])
    model.add("Softmax", ["x"])
    #expect(
      try model.network().nodes.map(\.operation) == [
        .reshape(Reshape(target: .batched([8]))), .softmax(Softmax(axis: 1)),
        .reshape(Reshape(target: .batched([4, 2]))),
      ])
  }

  @Test(
    "a reshape's target is resolved against its input",
    arguments: [
      ([0, -1], nil, [12]), ([-1, 12], nil, [12]), ([0, 0, 4], nil, [3, 4]), ([1, -1], 1, [12]),
      ([5, 4, -1], 5, [4, 3]), ([-1, 3, 4, 1], nil, [3, 4, 1]),
    ] as [([Int], Int?, [Int])])
  func reshape(target: [Int], batch: Int?, expected: [Int]) throws {
    var model = TinyModel(input: [batch, 3, 2, 2])
    model.add("target", integers: target)
    model.add("Reshape", ["x", "target"])
    #expect(try model.operation() == .reshape(Reshape(target: .batched(expected))))
  }

  @Test("a target computed from the batch keeps the batch", arguments: [nil, 1, 3] as [Int?])
  func symbolicReshape(batch: Int?) throws {
    var model = TinyModel(opset: 13, input: [batch, 3, 2, 2])
    model.add("zero", integers: [0], shape: [])
    model.add("axes", integers: [0])
    model.add("rest", integers: [-1])
    model.add("Shape", ["x"], "shape")
    model.add("Gather", ["shape", "zero"], "n", with: ["axis": 0])
    model.add("Unsqueeze", ["n", "axes"], "ns")
    model.add("Concat", ["ns", "rest"], "target", with: ["axis": 0])
    model.add("Reshape", ["x", "target"])
    let network = try model.network()
    #expect(network.nodes.map(\.operation) == [.reshape(Reshape(target: .batched([12])))])
    #expect(network.metadata.batchSize == batch)
    #expect(network.values.map(\.name) == ["x", "y"])
  }

  @Test("a constant summand comes second, whatever the file's order")
  func constantSummand() throws {
    var model = TinyModel()
    model.add("b", floats: [1, 2, 3, 4])
    model.add("Add", ["b", "x"])
    let network = try model.network()
    #expect(network.nodes[0].inputs.first == network.inputs[0])
    #expect(network.constant(network.nodes[0].inputs[1])?.elements == [1, 2, 3, 4])
  }

  @Test("a tensor that two nodes use is stored once")
  func sharedWeights() throws {
    var model = TinyModel()
    model.add("b", floats: [1, 2, 3, 4])
    model.add("Add", ["x", "b"], "a")
    model.add("Add", ["a", "b"])
    let network = try model.network()
    #expect(network.values.map(\.name) == ["x", "b", "a", "y"])
    #expect(ONNXModel.initializerBytes(network) == 16)
  }

  @Test("nodes in training mode, and second outputs in use, are refused")
  func training() throws {
    var model = TinyModel(opset: 14)
    for name in ["scale", "shift", "mean", "variance"] { model.add(name, floats: [1, 1, 1, 1]) }
    model.add(
      "BatchNormalization", ["x", "scale", "shift", "mean", "variance"],
      with: ["training_mode": 1])
    #expect(try model.failure().contains("training mode"))

    model = TinyModel()
    model.add("Dropout", ["x"], "kept")
    model.proto.graph.node[0].output.append("mask")
    model.add("Add", ["kept", "mask"])
    #expect(try model.failure().contains("its output \"mask\" is used"))
  }
}
