import NetworkGraph
import NetworkTestSupport
import TestSupport
import Testing

/// What each operator makes of its inputs' shapes.
@Suite(.tags(.pure))
struct ShapeRuleTests {
  struct Case: Sendable, CustomTestStringConvertible {
    let operation: Operator
    let inputs: [Shape?]
    let output: Shape
    var testDescription: String { "\(operation.name) of \(inputs.compactMap(\.self)) is \(output)" }

    init(_ operation: Operator, _ inputs: [Shape?], _ output: Shape) {
      self.operation = operation
      self.inputs = inputs
      self.output = output
    }
  }

  static let image = Shape.batched([3, 32, 30])

  static let cases = [
    Case(
      .convolution(
        Convolution(
          kernel: [3, 5], strides: [2, 1], dilations: [1, 2], padsBefore: [0, 4], padsAfter: [1, 3])
      ), [image, Shape([16, 3, 3, 5]), Shape([16])], .batched([16, 16, 29])),
    Case(
      .convolution(Convolution(kernel: [3], groups: 3)),
      [.batched([3, 8]), Shape([6, 1, 3]), nil], .batched([6, 6])),
    Case(
      .batchNormalization(BatchNormalization()),
      [image] + Array(repeating: Shape([3]), count: 4), image),
    Case(.activation(.hardSwish), [image], image),
    Case(.elementwise(.add), [image, Shape([3, 1, 1])], image),
    Case(.elementwise(.add), [Shape([1, 1, 1, 30]), image], image),
    Case(.elementwise(.add), [.batched([8]), Shape([Int]())], .batched([8])),
    Case(
      .pooling(Pooling(kind: .maximum, kernel: [3, 2], strides: [2, 2], padsBefore: [1, 0])),
      [image], .batched([3, 16, 15])),
    Case(
      .pooling(Pooling(kind: .average(countsPadding: true), kernel: nil)), [image],
      .batched([3, 1, 1])),
    Case(
      .pooling(Pooling(kind: .maximum, kernel: [3], strides: [2], roundsUp: true)),
      [.batched([4, 6])], .batched([4, 3])),
    // A last window that would begin in the padding is left out.
    Case(
      .pooling(
        Pooling(
          kind: .maximum, kernel: [1], strides: [2], padsBefore: [0], padsAfter: [1], roundsUp: true
        )), [.batched([4, 3])], .batched([4, 2])),
    Case(
      .pooling(
        Pooling(
          kind: .maximum, kernel: [2], strides: [3], padsBefore: [1], padsAfter: [1], roundsUp: true
        )), [.batched([4, 5])], .batched([4, 2])),
    Case(.reduction(Reduction(axes: [2, 3], keepsAxes: false)), [image], .batched([3])),
    Case(.reduction(Reduction(axes: [1], keepsAxes: true)), [image], .batched([1, 32, 30])),
    Case(.flatten(Flatten()), [image], .batched([2880])),
    Case(.reshape(Reshape(target: .batched([3, 960]))), [image], .batched([3, 960])),
    Case(.flatten(Flatten(axis: 2)), [image], Shape([.batched(3), .fixed(960)])),
    Case(
      .reshape(Reshape(target: Shape([.batched(96), .fixed(30)]))), [image],
      Shape([.batched(96), .fixed(30)])),
    Case(
      .reshape(Reshape(target: image)), [Shape([.batched(96), .fixed(30)])], image),
    Case(
      .gemm(Gemm(transposesWeight: true)), [.batched([8]), Shape([5, 8]), Shape([5])], .batched([5])
    ),
    Case(
      .gemm(Gemm(transposesWeight: false)), [.batched([8]), Shape([8, 5]), Shape([1, 5])],
      .batched([5])),
    Case(.gemm(Gemm()), [.batched([8]), Shape([5, 8])], .batched([5])),
    Case(
      .slice(
        Slice(ranges: [
          .init(axis: 2, start: 1, end: 32, step: 2), .init(axis: 1, start: 1, end: 3),
        ])),
      [image], .batched([2, 16, 30])),
    Case(.pad(Pad(before: [0, 1, 2, 0], after: [0, 0, 1, 0])), [image], .batched([4, 35, 30])),
    Case(.softmax(Softmax(axis: 1)), [image], image),
  ]

  @Test("an operator infers its output's shape", arguments: cases)
  func output(_ example: Case) throws {
    let shape = try example.operation.outputShape(of: example.inputs, node: "n")
    #expect(shape == example.output)
  }

  struct Fault: Sendable, CustomTestStringConvertible {
    let operation: Operator
    let inputs: [Shape?]
    let code: NetworkError.Code
    let phrase: String
    var testDescription: String { "\(operation.name): \(phrase)" }

    init(
      _ operation: Operator, _ inputs: [Shape?], _ phrase: String,
      code: NetworkError.Code = .shapeMismatch
    ) {
      self.operation = operation
      self.inputs = inputs
      self.code = code
      self.phrase = phrase
    }
  }

  static let square = Operator.convolution(Convolution(kernel: [3, 3]))
  static let weight = Shape([16, 3, 3, 3])
  static let window = Operator.pooling(Pooling(kind: .maximum, kernel: [3, 3]))

  static let channelsFirst = Shape([.fixed(3), .batch, .fixed(8)])

  static let faults = [
    Fault(square, [image], "input 1 (weight) is missing", code: .invalidGraph),
    Fault(square, [nil, weight], "input 0 (x) is missing", code: .invalidGraph),
    Fault(square, [.batched([3]), weight], "it needs 3 axes or more"),
    Fault(square, [.batched([3, 8]), weight], "differ in rank"),
    Fault(square, [.batched([4, 8, 8]), weight], "does not fit x [N, 4, 8, 8]"),
    Fault(square, [image, Shape([16, 3, 3, 1])], "does not fit x"),
    Fault(square, [image, weight, Shape([15])], "bias [15] does not fit 16"),
    Fault(square, [.batched([3, 2, 8]), weight], "larger than the padded input"),
    Fault(
      square, [Shape([.batch, .batch, .fixed(8), .fixed(8)]), weight], "axis 1 of x is the batch"),
    Fault(
      .convolution(Convolution(kernel: [3, 3], groups: 3)), [image, Shape([16, 1, 3, 3])],
      "with 3 groups"),
    Fault(
      .convolution(Convolution(kernel: [3, 3], groups: 0)), [image, weight], "with 0 groups"),
    Fault(
      .convolution(Convolution(kernel: [3, 3], strides: [0, 1])), [image, weight], "larger than"),
    Fault(
      .batchNormalization(BatchNormalization()),
      [image, Shape([3]), Shape([3]), Shape([4]), Shape([3])], "mean [4] does not fit 3 channels"),
    Fault(
      .batchNormalization(BatchNormalization()), [image, Shape([3]), Shape([3]), Shape([3])],
      "input 4 (variance) is missing", code: .invalidGraph),
    Fault(.activation(.relu), [], "input 0 (x) is missing", code: .invalidGraph),
    Fault(.elementwise(.add), [image, Shape([2, 1, 1])], "do not broadcast"),
    Fault(.elementwise(.add), [image, Shape([4, 3, 1, 1])], "do not broadcast"),
    Fault(window, [.batched([3, 8])], "does not fit the rank"),
    Fault(window, [.batched([3, 8, 2])], "larger than the padded input"),
    Fault(window, [.batched([3])], "it needs 3 axes or more"),
    Fault(
      .reduction(Reduction(axes: [0], keepsAxes: true)), [image], "ReduceMean over the batch",
      code: .unsupported),
    Fault(
      .flatten(Flatten(axis: 2)), [channelsFirst], "at axis 2 mixes images; they must stay apart",
      code: .unsupported),
    Fault(
      .reshape(Reshape(target: Shape([.batched(3), .fixed(8)]))), [channelsFirst],
      "to [3N, 8] mixes images", code: .unsupported),
    Fault(.flatten(Flatten(axis: 5)), [image], "axis 5 is outside x"),
    Fault(.reshape(Reshape(target: .batched([7]))), [image], "cannot take the shape [N, 7]"),
    Fault(
      .reshape(Reshape(target: Shape([3, 32, 30]))), [image], "cannot take the shape [3, 32, 30]"),
    Fault(.reshape(Reshape(target: Shape([Int]()))), [.batched([1])], "cannot take the shape []"),
    Fault(.gemm(Gemm()), [.batched([8]), Shape([8, 5])], "weight [8, 5] does not fit x [N, 8]"),
    Fault(.gemm(Gemm()), [image, Shape([5, 8])], "does not fit x"),
    Fault(.gemm(Gemm()), [.batched([8]), Shape([5, 8]), Shape([4])], "bias [4] does not fit 5"),
    Fault(
      .gemm(Gemm()), [.batched([8]), Shape([5, 8]), Shape([2, 5])], "bias [2, 5] does not fit"),
    Fault(
      .slice(Slice(ranges: [.init(axis: 0, start: 0, end: 1)])), [image], "slicing the batch axis",
      code: .unsupported),
    Fault(
      .slice(Slice(ranges: [.init(axis: 4, start: 0, end: 1)])), [image], "axis 4 is outside x"),
    Fault(
      .slice(Slice(ranges: [.init(axis: 1, start: 0, end: 2), .init(axis: 1, start: 0, end: 1)])),
      [image], "an axis is sliced twice", code: .invalidGraph),
    Fault(.slice(Slice(ranges: [.init(axis: 1, start: 0, end: 4)])), [image], "slice 0..<4"),
    Fault(.slice(Slice(ranges: [.init(axis: 1, start: 2, end: 2)])), [image], "slice 2..<2"),
    Fault(
      .slice(Slice(ranges: [.init(axis: 1, start: 0, end: 2, step: 0)])), [image], "step 0"),
    Fault(.pad(Pad(before: [0, 1], after: [0, 1])), [image], "pads [0, 1], [0, 1] do not fit"),
    Fault(
      .pad(Pad(before: [1, 0, 0, 0], after: [0, 0, 0, 0])), [image], "padding the batch axis",
      code: .unsupported),
    Fault(.pad(Pad(before: [0, -1, 0, 0], after: [0, 0, 0, 0])), [image], "pads [0, -1, 0, 0]"),
    Fault(.softmax(Softmax(axis: 4)), [image], "axis 4 is outside"),
    Fault(
      .softmax(Softmax(axis: 0)), [image], "normalising over the batch axis", code: .unsupported),
  ]

  @Test("shapes that do not fit are refused in words that name the node", arguments: faults)
  func fault(_ fault: Fault) throws {
    let error = try #require(throws: NetworkError.self) {
      try fault.operation.outputShape(of: fault.inputs, node: "n7")
    }
    #expect(error.code == fault.code)
    #expect(error.message.hasPrefix("node \"n7\" (\(fault.operation.name)): "))
    #expect(error.message.contains(fault.phrase), "\(error.message)")
  }

  @Test("inferring shapes restores what was forgotten, and names the node that fails")
  func inference() throws {
    for pattern in CouplingPattern.allCases {
      let network = try pattern.network()
      var forgotten = network
      for node in network.nodes { forgotten[node.output].shape = Shape([Int]()) }
      #expect(forgotten != network)
      try forgotten.inferShapes()
      #expect(forgotten == network)
    }
    var network = try CouplingPattern.residual.network()
    network[network.inputs[0]].shape = .batched([4, 6, 6])
    let error = try #require(throws: NetworkError.self) { try network.inferShapes() }
    #expect(error.message.hasPrefix("node \"stem\" (Conv): "))
  }
}
