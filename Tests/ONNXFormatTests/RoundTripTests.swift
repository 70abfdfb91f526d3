import NetworkGraph
import ONNXFormat
import TestSupport
import Testing

/// Every operator, in the words of several opsets: what is written is read as the same network.
@Suite(.tags(.pure))
struct RoundTripTests {
  /// One node applied to x `[N, 4, 6, 6]`.
  struct Case: Sendable, CustomTestStringConvertible {
    let type: String
    var opsets: [Int64] = [9, 13, 18, 22]
    var build: @Sendable (inout TinyModel, Int64) -> Void
    var testDescription: String { type }

    init(
      _ type: String, _ opsets: [Int64] = [9, 13, 18, 22],
      _ build: @escaping @Sendable (inout TinyModel, Int64) -> Void
    ) {
      (self.type, self.opsets, self.build) = (type, opsets, build)
    }
  }

  static let functions: [(String, [Int64])] = [
    ("Relu", [9, 28]), ("Sigmoid", [9]), ("Tanh", [9]), ("Erf", [9]), ("Exp", [9]), ("Log", [9]),
    ("Sqrt", [9]), ("Reciprocal", [9]), ("Abs", [9]), ("Neg", [9]), ("Floor", [9]), ("Ceil", [9]),
    ("Round", [11, 22]), ("Softplus", [9]), ("Softsign", [9]), ("LeakyRelu", [9, 16]),
    ("ThresholdedRelu", [10]), ("Elu", [9]), ("Celu", [12]), ("Selu", [9]), ("HardSigmoid", [9]),
    ("HardSwish", [14, 22]), ("Mish", [18, 22]), ("Gelu", [20]), ("Swish", [24]),
    ("GlobalAveragePool", [9]), ("GlobalMaxPool", [9]), ("Flatten", [9, 13]), ("Softmax", [9, 13]),
    ("LogSoftmax", [9, 13]), ("Transpose", [9]), ("LRN", [9]),
  ]

  @Test("functions of one value", arguments: functions)
  func function(type: String, opsets: [Int64]) throws {
    for opset in opsets {
      var model = TinyModel(opset: opset, input: [nil, 4, 6, 6])
      model.add(
        type, ["x"],
        with: type == "LRN" ? ["size": 3] : type == "Transpose" ? ["perm": [0, 2, 3, 1]] : [:])
      let (first, again) = try model.written()
      #expect(again == first, "\(type) in opset \(opset)")
      #expect(!first.nodes.isEmpty)
    }
  }

  static let cases: [Case] = [
    Case("Conv") { model, _ in
      model.add("w", floats: Array(repeating: 1, count: 36), shape: [4, 1, 3, 3])
      model.add("b", floats: [1, 2, 3, 4])
      model.add(
        "Conv", ["x", "w", "b"],
        with: ["group": 4, "pads": [1, 0, 2, 1], "strides": [2, 1], "dilations": [1, 2]])
    },
    Case("ConvTranspose") { model, _ in
      model.add("w", floats: Array(repeating: 1, count: 72), shape: [4, 2, 3, 3])
      model.add(
        "ConvTranspose", ["x", "w"],
        with: ["strides": [2, 2], "pads": [1, 1, 1, 1], "output_padding": [1, 1], "group": 2])
    },
    Case("InstanceNormalization") { model, _ in
      model.add("s", floats: [1, 2, 3, 4])
      model.add("InstanceNormalization", ["x", "s", "s"], with: ["epsilon": Float(0.01)])
    },
    Case("GroupNormalization", [18, 21]) { model, opset in
      model.add("s", floats: opset < 21 ? [1, 2] : [1, 2, 3, 4])
      model.add("t", floats: opset < 21 ? [3, 4] : [5, 6, 7, 8])
      model.add("GroupNormalization", ["x", "s", "t"], with: ["num_groups": 2])
    },
    Case("LayerNormalization", [17, 22]) { model, _ in
      model.add("s", floats: [1, 2, 3, 4, 5, 6])
      model.add("LayerNormalization", ["x", "s", "s"], with: ["axis": -1])
    },
    Case("PRelu") { model, _ in
      model.add("s", floats: [1, 2, 3, 4], shape: [4, 1, 1])
      model.add("PRelu", ["x", "s"])
    },
    Case("Sub") { model, _ in
      model.add("one", floats: [1], shape: [])
      model.add("Sub", ["one", "x"])
    },
    Case("Sum") { model, _ in model.add("Sum", ["x", "x", "x"]) },
    Case("Mean") { model, _ in model.add("Mean", ["x", "x"]) },
    Case("Pow") { model, _ in
      model.add("two", floats: [2], shape: [])
      model.add("Pow", ["x", "two"])
    },
    Case("MatMul") { model, _ in
      model.add("w", floats: Array(repeating: 1, count: 12), shape: [6, 2])
      model.add("MatMul", ["x", "w"], "a")
      model.add("Transpose", ["a"], "b", with: ["perm": [0, 1, 3, 2]])
      model.add("MatMul", ["b", "a"])
    },
    Case("Concat") { model, _ in model.add("Concat", ["x", "x"], with: ["axis": 1]) },
    Case("Split") { model, opset in
      if opset < 13 {
        model.add("Split", ["x"], outputs: ["a", "b"], with: ["axis": 1, "split": [1, 3]])
      } else {
        model.add("parts", integers: [1, 3])
        model.add("Split", ["x", "parts"], outputs: ["a", "b"], with: ["axis": 1])
      }
      model.add("Concat", ["b", "a"], with: ["axis": 1])
    },
    Case("Gather") { model, _ in
      model.add("scalar", integers: [-1], shape: [])
      model.add("list", integers: [3, 0, 0])
      model.add("Gather", ["x", "scalar"], "a", with: ["axis": 3])
      model.add("Gather", ["a", "list"], with: ["axis": 1])
    },
    Case("Shuffle") { model, _ in
      model.add("split", integers: [0, 2, 2, 6, 6])
      model.add("whole", integers: [0, 4, 6, 6])
      model.add("Reshape", ["x", "split"], "a")
      model.add("Transpose", ["a"], "b", with: ["perm": [0, 2, 1, 3, 4]])
      model.add("Reshape", ["b", "whole"])
    },
    Case("Slice backwards", [10, 13]) { model, _ in
      for (name, integers) in [("from", [-1, 1]), ("to", [.min, 5]), ("axes", [1, 2])] {
        model.add(name, integers: integers)
      }
      model.add("steps", integers: [-1, 3])
      model.add("Slice", ["x", "from", "to", "axes", "steps"])
    },
    Case("Pad") { model, opset in
      if opset < 11 {
        model.add(
          "Pad", ["x"], with: ["mode": "reflect", "pads": [0, 0, 1, -1, 0, 0, 0, 2]])
      } else {
        model.add("pads", integers: [0, 0, 1, -1, 0, 0, 0, 2])
        model.add("Pad", ["x", "pads"], with: ["mode": "edge"])
      }
    },
    Case("Squeeze") { model, opset in
      model.add("axes", integers: [1])
      if opset < 13 {
        model.add("Unsqueeze", ["x"], "a", with: ["axes": [1]])
        model.add("Squeeze", ["a"], with: ["axes": [1]])
      } else {
        model.add("Unsqueeze", ["x", "axes"], "a")
        model.add("Squeeze", ["a", "axes"])
      }
    },
    Case("Expand") { model, _ in
      model.add("token", floats: [1, 2, 3], shape: [1, 3])
      model.add("zero", integers: [0])
      model.add("three", integers: [3])
      model.add("Shape", ["x"], "shape")
      model.add("Gather", ["shape", "zero"], "n")
      model.add("Concat", ["n", "three"], "target", with: ["axis": 0])
      model.add("Expand", ["token", "target"], "tokens")
      model.add("Flatten", ["x"], "flat")
      model.add("Concat", ["tokens", "flat"], with: ["axis": 1])
    },
    Case("Resize") { model, opset in
      model.add("scales", floats: [1, 1, 2, 2])
      model.add("roi", floats: [])
      if opset < 10 {
        model.add("Upsample", ["x", "scales"], with: ["mode": "nearest"])
      } else {
        model.add(
          "Resize", ["x", "roi", "scales"],
          with: ["mode": "linear", "coordinate_transformation_mode": "align_corners"])
      }
    },
    Case("Resize to sizes", [11, 13, 19]) { model, _ in
      model.add("front", integers: [0, 1])
      model.add("size", integers: [13, 4])
      model.add("none", floats: [])
      model.add("Shape", ["x"], "shape")
      model.add("Gather", ["shape", "front"], "kept")
      model.add("Concat", ["kept", "size"], "sizes", with: ["axis": 0])
      model.add(
        "Resize", ["x", "none", "none", "sizes"],
        with: ["mode": "nearest", "nearest_mode": "floor"])
    },
    Case("DepthToSpace", [11, 13]) { model, _ in
      model.add("SpaceToDepth", ["x"], "a", with: ["blocksize": 2])
      model.add("DepthToSpace", ["a"], "b", with: ["blocksize": 2, "mode": "CRD"])
      model.add("DepthToSpace", ["b"], with: ["blocksize": 2])
    },
    Case("MaxPool", [10, 12]) { model, _ in
      model.add(
        "MaxPool", ["x"],
        with: ["kernel_shape": [2, 2], "dilations": [2, 1], "strides": [2, 2], "ceil_mode": 1])
    },
    Case("AveragePool", [19, 22]) { model, _ in
      model.add(
        "AveragePool", ["x"],
        with: ["kernel_shape": [2, 2], "dilations": [2, 1], "count_include_pad": 1])
    },
    Case("ArgMax") { model, _ in model.add("ArgMax", ["x"], with: ["axis": 1, "keepdims": 0]) },
    Case("Cast") { model, _ in
      model.add("Cast", ["x"], "whole", with: ["to": 7])
      model.add("three", integers: [3])
      model.add("Add", ["whole", "three"], "sum")
      model.add("Cast", ["sum"], with: ["to": 1])
    },
  ]

  @Test("operators with arguments", arguments: cases)
  func arguments(entry: Case) throws {
    for opset in entry.opsets where !(entry.type == "Resize" && opset == 10) {
      var model = TinyModel(opset: opset, input: [nil, 4, 6, 6])
      entry.build(&model, opset)
      let (first, again) = try model.written()
      #expect(again == first, "\(entry.type) in opset \(opset)")
      #expect(!first.nodes.isEmpty)
    }
  }

  @Test(
    "reductions take axes from the attribute or the input",
    arguments: Reduction.Kind.allCases)
  func reductions(kind: Reduction.Kind) throws {
    for opset in [9, 13, 18] as [Int64] {
      var model = TinyModel(opset: opset, input: [nil, 4, 6, 6])
      if opset < (kind == .sum ? 13 : 18) {
        model.add(kind.name, ["x"], with: ["axes": [-1]])
      } else {
        model.add("axes", integers: [-1])
        model.add(kind.name, ["x", "axes"])
      }
      let (first, again) = try model.written()
      #expect(again == first)
      #expect(
        first.nodes.map(\.operation) == [.reduction(Reduction(kind, axes: [3], keepsAxes: true))])
    }
  }
}
