import NetworkGraph
import Tensors
import TestSupport

/// A network of one operator, for the table that both backends are compared on.
struct OperatorCase: Sendable, CustomStringConvertible {
  var description: String
  var operation: Operator
  /// Of one image.
  var input: [Int]
  /// Shapes of constant inputs, in order.
  var constants: [[Int]] = []

  /// A network with seeded weights; positive, so that they serve as variances too.
  func network() throws -> Network {
    var generator = SeededGenerator(seed: 7)
    var network = Network(name: description)
    let x = network.addActivation("x", shape: .batched(input))
    let y = network.addActivation("y")
    let weights = constants.enumerated().map { place, shape in
      network.addConstant("w\(place)", .random(shape, in: 0.1...1, using: &generator))
    }
    network.nodes = [Node(name: "node", operation: operation, inputs: [x] + weights, output: y)]
    network.inputs = [x]
    network.outputs = [y]
    try network.inferShapes()
    return network
  }

  static let all: [OperatorCase] =
    convolutions + activations + poolings + movements + [
      .init(
        description: "BatchNormalization", operation: .batchNormalization(.init()),
        input: [19, 5, 5], constants: [[19], [19], [19], [19]]),
      .init(
        description: "Add of a constant", operation: .elementwise(.add), input: [3, 4, 4],
        constants: [[3, 1, 1]]),
      .init(
        description: "Gemm", operation: .gemm(Gemm(alpha: 0.5, beta: 2)), input: [37],
        constants: [[10, 37], [10]]),
      .init(
        description: "Gemm, plain weight, scalar bias",
        operation: .gemm(Gemm(transposesWeight: false)), input: [37], constants: [[37, 10], [1]]),
      .init(description: "Softmax", operation: .softmax(Softmax(axis: 1)), input: [10]),
      .init(
        description: "ReduceMean over space",
        operation: .reduction(.init(axes: [2, 3], keepsAxes: false)),
        input: [17, 4, 4]),
      .init(
        description: "ReduceMean over channels",
        operation: .reduction(.init(axes: [1], keepsAxes: true)),
        input: [17, 4, 4]),
    ]

  private static let convolutions: [OperatorCase] = [
    .init(
      description: "Conv 3×3 of an image",
      operation: .convolution(.init(kernel: [3, 3], padsBefore: [1, 1], padsAfter: [1, 1])),
      input: [3, 9, 9], constants: [[16, 3, 3, 3], [16]]),
    .init(
      description: "Conv 3×3, odd widths",
      operation: .convolution(.init(kernel: [3, 3], padsBefore: [1, 1], padsAfter: [1, 1])),
      input: [11, 8, 8], constants: [[13, 11, 3, 3]]),
    .init(
      description: "Conv, stride 2, asymmetric pads",
      operation: .convolution(.init(kernel: [3, 3], strides: [2, 2], padsAfter: [1, 1])),
      input: [16, 8, 8], constants: [[32, 16, 3, 3], [32]]),
    .init(
      description: "Conv 1×1", operation: .convolution(.init(kernel: [1, 1], strides: [2, 2])),
      input: [32, 8, 8], constants: [[64, 32, 1, 1], [64]]),
    .init(
      description: "Conv, dilated",
      operation: .convolution(
        .init(kernel: [3, 3], dilations: [2, 2], padsBefore: [2, 2], padsAfter: [2, 2])),
      input: [16, 9, 9], constants: [[16, 16, 3, 3]]),
    .init(
      description: "Conv, depthwise",
      operation: .convolution(
        .init(kernel: [3, 3], padsBefore: [1, 1], padsAfter: [1, 1], groups: 24)),
      input: [24, 7, 7], constants: [[24, 1, 3, 3], [24]]),
    .init(
      description: "Conv, grouped", operation: .convolution(.init(kernel: [3, 3], groups: 4)),
      input: [16, 6, 6], constants: [[24, 4, 3, 3], [24]]),
    .init(
      description: "Conv of a sequence", operation: .convolution(.init(kernel: [5])),
      input: [8, 20], constants: [[16, 8, 5]]),
  ]

  private static let activations: [OperatorCase] = [
    Activation.relu, .clip(-0.5, 0.5), .clip(0, .infinity), .leakyRelu(alpha: 0.1), .sigmoid, .tanh,
    .hardSigmoid(alpha: 0.3, beta: 0.4), .hardSwish,
  ].map { .init(description: "\($0)", operation: .activation($0), input: [5, 4, 4]) }

  private static let poolings: [OperatorCase] = [
    .init(
      kind: .maximum, kernel: [3, 3], strides: [2, 2], padsBefore: [1, 1], padsAfter: [1, 1]),
    .init(kind: .maximum, kernel: [2, 2], strides: [2, 2], roundsUp: true),
    .init(
      kind: .average(countsPadding: true), kernel: [3, 3], strides: [2, 2], padsBefore: [1, 1]),
    .init(
      kind: .average(countsPadding: false), kernel: [3, 3], padsBefore: [1, 1], padsAfter: [1, 1]),
    .init(
      kind: .average(countsPadding: true), kernel: [2, 2], strides: [2, 2], roundsUp: true),
    .init(kind: .average(countsPadding: false), kernel: nil), .init(kind: .maximum, kernel: nil),
  ].map { (operation: Pooling) in
    .init(
      description: "\(operation.name) \(operation.kind) \(operation.roundsUp)",
      operation: .pooling(operation), input: [17, 7, 7])
  }

  private static let movements: [OperatorCase] = [
    .init(description: "Flatten", operation: .flatten(Flatten()), input: [5, 3, 3]),
    .init(
      description: "Reshape", operation: .reshape(Reshape(target: .batched([9, 5]))),
      input: [5, 3, 3]),
    .init(
      description: "Slice of rows and columns",
      operation: .slice(
        Slice(ranges: [
          .init(axis: 2, start: 0, end: 7, step: 2), .init(axis: 3, start: 1, end: 6, step: 2),
        ])), input: [16, 7, 7]),
    .init(
      description: "Slice of channels",
      operation: .slice(Slice(ranges: [.init(axis: 1, start: 3, end: 17, step: 2)])),
      input: [19, 4, 4]),
    .init(
      description: "Pad of channels and rows",
      operation: .pad(Pad(before: [0, 8, 1, 0], after: [0, 5, 0, 2])), input: [16, 4, 4]),
    .init(
      description: "Pad with a value",
      operation: .pad(Pad(before: [0, 0, 1, 1], after: [0, 0, 1, 1], mode: .constant(2))),
      input: [3, 4, 4]),
  ]
}

extension Tensor {
  static func random(
    _ shape: [Int], in range: ClosedRange<Float> = -1...1, using generator: inout SeededGenerator
  ) -> Tensor {
    let elements = (0..<shape.elementCount).map { _ in
      Float.random(in: range, using: &generator)
    }
    return Tensor(shape: shape, elements: elements)
  }
}
