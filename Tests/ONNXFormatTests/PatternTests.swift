import NetworkGraph
import ONNXFormat
import ONNXSchema
import Tensors
import TestSupport
import Testing

/// Operators spelled out in several nodes, and what only looks like them.
@Suite(.tags(.pure))
struct PatternTests {
  private func names(_ model: TinyModel) throws -> [String] {
    try model.network().nodes.map(\.operation.name)
  }

  /// Read, written in older words and read again.
  private func expect(
    _ model: TinyModel, _ operation: Operator, sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let (first, again) = try model.written()
    #expect(first.nodes.map(\.operation) == [operation], sourceLocation: sourceLocation)
    #expect(again == first, sourceLocation: sourceLocation)
  }

  private func gated(sharesGate: Bool = false) -> TinyModel {
    var model = TinyModel()
    model.add("Sigmoid", ["x"], "gate")
    model.add("Mul", ["x", "gate"], sharesGate ? "product" : "y")
    if sharesGate { model.add("Add", ["product", "gate"]) }
    return model
  }

  @Test("x · σ(x) is SiLU, unless σ(x) is read elsewhere or belongs to another value")
  func silu() throws {
    try expect(gated(), .activation(.silu))
    #expect(try names(gated(sharesGate: true)) == ["Sigmoid", "Mul", "Add"])
    var output = gated()
    output.proto.graph.output.append(TinyModel.value("gate", [nil, 4]))
    #expect(try names(output) == ["Sigmoid", "Mul"])
    var other = TinyModel()
    other.add("Sigmoid", ["x"], "gate")
    other.add("Tanh", ["x"], "value")
    other.add("Mul", ["value", "gate"])
    #expect(try names(other).last == "Mul")
  }

  @Test("x · HardSigmoid(x) is HardSwish with a slope of one sixth only")
  func hardSwish() throws {
    for (alpha, isMatch) in [(Float(1) / 6, true), (0.2, false)] {
      var model = TinyModel(opset: 11)
      model.add("HardSigmoid", ["x"], "gate", with: ["alpha": alpha, "beta": Float(0.5)])
      model.add("Mul", ["gate", "x"])
      if isMatch {
        try expect(model, .activation(.hardSwish))
      } else {
        #expect(try names(model) == ["HardSigmoid", "Mul"])
      }
    }
  }

  @Test("x · tanh(softplus(x)) is Mish")
  func mish() throws {
    var model = TinyModel(opset: 13)
    model.add("Softplus", ["x"], "a")
    model.add("Tanh", ["a"], "b")
    model.add("Mul", ["x", "b"])
    try expect(model, .activation(.mish))
    model.proto.graph.node[0].opType = "Sigmoid"
    #expect(try names(model) == ["Sigmoid", "Tanh", "Mul"])
  }

  /// The order in which the three factors are multiplied.
  private func gelu(
    root: Float = Float(2).squareRoot(), half: Float = 0.5, order: Int = 0
  ) -> TinyModel {
    var model = TinyModel()
    for (name, number) in [("root", root), ("one", 1), ("half", half)] as [(String, Float)] {
      model.add(name, floats: [number], shape: [])
    }
    model.add("Div", ["x", "root"], "a")
    model.add("Erf", ["a"], "b")
    model.add("Add", ["b", "one"], "c")
    let orders = [[["x", "c"], ["half"]], [["x", "half"], ["c"]], [["c", "half"], ["x"]]]
    model.add("Mul", orders[order][0], "d")
    model.add("Mul", ["d"] + orders[order][1])
    return model
  }

  @Test("x · (1 + erf(x / √2)) / 2 is GELU in any order", arguments: 0..<3)
  func gelu(order: Int) throws {
    try expect(gelu(order: order), .activation(.gelu(isApproximate: false)))
  }

  @Test("other constants are no GELU")
  func noGelu() throws {
    #expect(try names(gelu(root: 1.5)).count == 5)
    #expect(try names(gelu(half: 0.51)).count == 5)
  }

  private func layer(
    opset: Int64 = 13, axes: [Int] = [-1], scale: [Int]? = [4], shift: [Int]? = [4]
  ) -> TinyModel {
    var model = TinyModel(opset: opset, input: [nil, 3, 4])
    model.add("two", floats: [2], shape: [])
    model.add("epsilon", floats: [1e-6], shape: [])
    model.add("ReduceMean", ["x"], "mean", with: ["axes": axes])
    model.add("Sub", ["x", "mean"], "centred")
    model.add("Pow", ["centred", "two"], "squares")
    model.add("ReduceMean", ["squares"], "variance", with: ["axes": axes])
    model.add("Add", ["variance", "epsilon"], "raised")
    model.add("Sqrt", ["raised"], "deviation")
    model.add("Div", ["centred", "deviation"], "plain")
    if let scale {
      model.add("s", floats: Array(repeating: 3, count: scale.reduce(1, *)), shape: scale)
      model.add("Mul", ["plain", "s"], "scaled")
    } else {
      model.add("Identity", ["plain"], "scaled")
    }
    if let shift {
      model.add("t", floats: Array(repeating: 5, count: shift.reduce(1, *)), shape: shift)
      model.add("Add", ["scaled", "t"])
    } else {
      model.add("Identity", ["scaled"])
    }
    return model
  }

  @Test(
    "LayerNorm is recognised with its scale and shift, or without",
    arguments: [([4], [4]), ([4], nil), (nil, nil), ([1, 1, 4], [1, 4])] as [([Int]?, [Int]?)])
  func layerNormalization(scale: [Int]?, shift: [Int]?) throws {
    let model = layer(scale: scale, shift: shift)
    try expect(model, .normalization(Normalization(.layer(axis: 2), epsilon: 1e-6)))
    let network = try model.network()
    #expect(network.nodes[0].inputs.map { $0 == nil } == [false, scale == nil, shift == nil])
    for input in network.nodes[0].inputs.dropFirst() where input != nil {
      #expect(network.constant(input)?.shape == [4])
    }
  }

  @Test("a LayerNorm over channels before the last axis is one between two transposes")
  func channelNormalization() throws {
    let network = try layer(axes: [1]).network()
    #expect(
      network.nodes.map(\.operation.name) == [
        "Transpose", "LayerNormalization", "Transpose", "Mul", "Add",
      ])
    #expect(network.nodes[0].operation == .transpose(Transpose(permutation: [0, 2, 1])))
    #expect(
      network.nodes[1].operation == .normalization(Normalization(.layer(axis: 2), epsilon: 1e-6)))
    #expect(network[network.nodes[1].output].shape == .batched([4, 3]))
    #expect(network[network.nodes[2].output].shape == .batched([3, 4]))
  }

  @Test("means over several axes before the last, or a tapped step, are no LayerNorm")
  func noLayerNormalization() throws {
    var tapped = layer()
    tapped.proto.graph.output.append(TinyModel.value("variance", [nil, 3, 1]))
    #expect(try names(tapped).count == 9)
  }

  private func group(
    ones: Float = 1, scale: [Int] = [6, 1, 1], groups: Int = 2
  ) -> TinyModel {
    var model = TinyModel(opset: 13, input: [nil, 6, 2, 2])
    model.add("ones", floats: Array(repeating: ones, count: groups))
    model.add("zeros", floats: Array(repeating: 0, count: groups))
    model.add("split", integers: [0, groups, -1])
    model.add("whole", integers: [0, 6, 2, 2])
    model.add("s", floats: [1, 2, 3, 4, 5, 6], shape: scale)
    model.add("t", floats: [6, 5, 4, 3, 2, 1], shape: scale)
    model.add("Reshape", ["x", "split"], "a")
    model.add("InstanceNormalization", ["a", "ones", "zeros"], "b")
    model.add("Reshape", ["b", "whole"], "c")
    model.add("Mul", ["c", "s"], "d")
    model.add("Add", ["d", "t"])
    return model
  }

  @Test("GroupNorm is recognised, and its parameters become one number per channel")
  func groupNormalization() throws {
    try expect(group(), .normalization(Normalization(.group(2))))
    let network = try group(scale: [1, 6, 1, 1]).network()
    #expect(network.nodes.count == 1)
    #expect(network.constant(network.nodes[0].inputs[1])?.shape == [6])
    #expect(network.constant(network.nodes[0].inputs[2])?.elements == [6, 5, 4, 3, 2, 1])
    #expect(try names(group(ones: 2)).count == 5)
  }

  private func shuffle(permutation: [Int] = [0, 2, 1, 3, 4]) -> TinyModel {
    var model = TinyModel(opset: 13, input: [nil, 6, 2, 2])
    model.add("split", integers: [-1, 2, 3, 2, 2])
    model.add("whole", integers: [-1, 6, 2, 2])
    model.add("Reshape", ["x", "split"], "a")
    model.add("Transpose", ["a"], "b", with: ["perm": permutation])
    model.add("Reshape", ["b", "whole"])
    return model
  }

  @Test("a channel shuffle is a gather; written, it is three nodes again")
  func channelShuffle() throws {
    try expect(shuffle(), .gather(Gather(axis: 1, indices: [0, 3, 1, 4, 2, 5])))
    #expect(try names(shuffle(permutation: [0, 1, 2, 4, 3])).count == 3)
  }

  @Test("a shuffle of any other order is written as Gather")
  func irregularShuffle() throws {
    var network = try shuffle().network()
    network.nodes[0].operation = .gather(Gather(axis: 1, indices: [0, 3, 4, 1, 2, 5]))
    let again = try ONNXModel.decode(ONNXModel.encode(network), name: "again")
    #expect(again.nodes.map(\.operation) == network.nodes.map(\.operation))
  }
}
