import NetworkGraph
import ONNXFormat
import ONNXSchema
import TestSupport
import Testing

/// Operators that are resolved into others, or whose amounts are computed at import.
@Suite(.tags(.pure))
struct ResolvedOperatorTests {
  private func transposed(_ attributes: [String: Any]) throws -> TransposedConvolution? {
    var model = TinyModel(input: [nil, 1, 3, 3])
    model.add("w", floats: Array(repeating: 1, count: 9), shape: [1, 1, 3, 3])
    model.add("ConvTranspose", ["x", "w"], with: attributes)
    guard case .transposedConvolution(let result)? = try model.operation() else { return nil }
    return result
  }

  @Test("a transposed convolution's pads follow from the extent of its output")
  func outputShape() throws {
    // ONNX's own example: one row is missing at the end, the other axis gets one column.
    let larger = try transposed(["strides": [3, 2], "output_shape": [10, 8]])
    #expect(larger?.outputPadding == [1, 1])
    #expect(larger?.padsBefore == [0, 0] && larger?.padsAfter == [0, 0])
    let upper = try transposed(["strides": [2, 2], "auto_pad": "SAME_UPPER"])
    #expect(upper?.padsBefore == [0, 0] && upper?.padsAfter == [1, 1])
    let lower = try transposed(["strides": [2, 2], "auto_pad": "SAME_LOWER"])
    #expect(lower?.padsBefore == [1, 1] && lower?.padsAfter == [0, 0])
  }

  @Test("a split's parts are slices, the last smaller where opset 18 says their number")
  func split() throws {
    var model = TinyModel(opset: 18, input: [nil, 5])
    model.add("Split", ["x"], outputs: ["a", "b"], name: "s", with: ["axis": 1, "num_outputs": 2])
    model.add("Concat", ["b", "a"], with: ["axis": 1])
    let network = try model.network()
    #expect(network.nodes.map(\.name) == ["s.0", "s.1", "Concat_1"])
    let ranges = [Slice.Range(axis: 1, start: 0, end: 3), .init(axis: 1, start: 3, end: 5)]
    #expect(network.nodes[..<2].map(\.operation) == ranges.map { .slice(Slice(ranges: [$0])) })
  }

  @Test("a part that nothing reads is dropped, and the other is a slice of its own")
  func partialSplit() throws {
    var model = TinyModel(opset: 13, input: [nil, 6])
    model.add("Split", ["x"], outputs: ["a", "y"], with: ["axis": 1])
    let (first, again) = try model.written()
    #expect(
      first.nodes.map(\.operation) == [.slice(Slice(ranges: [.init(axis: 1, start: 3, end: 6)]))])
    #expect(again == first)
  }

  @Test("a constant table looked up by an activation is refused")
  func embedding() throws {
    var model = TinyModel(opset: 13)
    model.add("table", floats: [1, 2, 3, 4], shape: [2, 2])
    model.add("Cast", ["x"], "i", with: ["to": 7])
    model.add("Gather", ["table", "i"])
    #expect(try model.failure().contains("looks up a table"))
  }

  @Test("what mixes images is refused", arguments: ["Split", "Concat", "ArgMax", "ReduceSum"])
  func mixing(type: String) throws {
    var model = TinyModel(opset: 13)
    switch type {
    case "Split": model.add(type, ["x"], outputs: ["y", "z"])
    case "Concat": model.add(type, ["x", "x"], with: ["axis": 0])
    default: model.add(type, ["x"])
    }
    #expect(try model.failure().contains("images"))
  }

  @Test("an attribute that the operator does not have is named")
  func unknownAttribute() throws {
    var model = TinyModel()
    model.add("Relu", ["x"], name: "act", with: ["leak": Float(0.1)])
    let failure = try model.failure()
    #expect(failure.contains("node \"act\" (Relu): attribute leak is none of those"))
  }

  @Test("old resizes round down when they grow and up when they shrink")
  func resize() throws {
    for (scale, rounding) in [(Float(2), Resize.Rounding.floor), (0.5, .ceiling)] {
      var model = TinyModel(opset: 10, input: [nil, 1, 4, 4])
      model.add("scales", floats: [1, 1, scale, scale])
      model.add("Resize", ["x", "scales"])
      let (first, again) = try model.written()
      let expected = Resize(
        mode: .nearest(rounding), coordinates: .asymmetric, scales: [1, 1, scale, scale])
      #expect(first.nodes.map(\.operation) == [.resize(expected)])
      #expect(again == first)
    }
  }

  @Test("a tile repeats axes of extent 1; others are refused")
  func tile() throws {
    var model = TinyModel(input: [nil, 1, 3])
    model.add("repeats", integers: [1, 4, 1])
    model.add("Tile", ["x", "repeats"])
    #expect(try model.operation() == .expand(Expand(target: .batched([4, 3]))))
    model.proto.graph.initializer[0].int64Data = [1, 1, 2]
    #expect(try model.failure().contains("use Concat instead"))
  }

  @Test("a product with other operands than a constant matrix is spelled out")
  func spelledGemm() throws {
    var model = TinyModel(opset: 13, input: [3, 4])
    model.add("Gemm", ["x", "x", "x"], with: ["transA": 1, "alpha": Float(0.5)])
    let whole = ImportOptions(batch: .none)
    #expect(try model.failure(options: whole).contains("do not broadcast"))
    model.proto.graph.node[0].input.removeLast()
    let (first, again) = try model.written(options: whole)
    #expect(first.nodes.map(\.operation.name) == ["Transpose", "MatMul", "Mul"])
    #expect(again == first)
  }

  @Test("shape constants follow when channels are removed")
  func narrowed() throws {
    var model = TinyModel(opset: 13, input: [nil, 4, 2, 2])
    model.add("w", floats: Array(repeating: 1, count: 16), shape: [4, 4, 1, 1])
    model.add("Conv", ["x", "w"], "c")
    model.add("split", integers: [0, 4, 4])
    model.add("Reshape", ["c", "split"])
    var network = try model.network()
    guard case .reshape = network.nodes[1].operation else {
      Issue.record("the second node is \(network.nodes[1].operation)")
      return
    }
    network.nodes[1].operation = network.nodes[1].operation.pruned(
      network.nodes[1], in: network,
      keeping: { $0 == AxisID(network.nodes[1].output, 1) ? [0, 2] : nil })
    #expect(network.nodes[1].operation == .reshape(Reshape(target: .batched([2, 4]))))
  }
}
