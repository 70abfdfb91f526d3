import NetworkGraph

extension OperatorCase {
  static let convolutions: [OperatorCase] = [
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
    .init(
      description: "Conv, grouped and dilated, odd widths",
      operation: .convolution(
        .init(
          kernel: [3, 2], dilations: [1, 2], padsBefore: [2, 0], padsAfter: [0, 1], groups: 3)),
      input: [15, 7, 6], constants: [[21, 5, 3, 2], [21]]),
    .init(
      description: "Conv, depthwise with a multiplier",
      operation: .convolution(.init(kernel: [3, 3], groups: 5)), input: [5, 7, 7],
      constants: [[10, 1, 3, 3]]),
    .init(
      description: "Conv of a volume", operation: .convolution(.init(kernel: [2, 3, 3])),
      input: [3, 4, 5, 6], constants: [[7, 3, 2, 3, 3], [7]]),
    .init(
      description: "Conv with computed weights", operation: .convolution(.init(kernel: [3, 3])),
      input: [3, 5, 5], others: [Shape([4, 3, 3, 3])]),
  ]

  static let transposedConvolutions: [OperatorCase] = [
    .init(
      description: "ConvTranspose 2×2, stride 2",
      operation: .transposedConvolution(.init(kernel: [2, 2], strides: [2, 2])),
      input: [16, 5, 5], constants: [[16, 8, 2, 2], [8]]),
    .init(
      description: "ConvTranspose, pads and output padding, odd widths",
      operation: .transposedConvolution(
        .init(
          kernel: [3, 3], strides: [2, 3], padsBefore: [1, 1], padsAfter: [1, 0],
          outputPadding: [1, 2])),
      input: [7, 5, 4], constants: [[7, 11, 3, 3]]),
    .init(
      description: "ConvTranspose, grouped",
      operation: .transposedConvolution(.init(kernel: [3, 3], strides: [2, 2], groups: 3)),
      input: [9, 4, 4], constants: [[9, 5, 3, 3], [15]]),
    .init(
      description: "ConvTranspose, depthwise and dilated",
      operation: .transposedConvolution(.init(kernel: [3, 3], dilations: [2, 2], groups: 6)),
      input: [6, 4, 4], constants: [[6, 1, 3, 3]]),
    .init(
      description: "ConvTranspose of a sequence",
      operation: .transposedConvolution(.init(kernel: [4], strides: [2], padsBefore: [1])),
      input: [8, 9], constants: [[8, 3, 4], [3]]),
  ]

  static let products: [OperatorCase] = [
    .init(
      description: "Gemm", operation: .gemm(Gemm(alpha: 0.5, beta: 2)), input: [37],
      constants: [[10, 37], [10]]),
    .init(
      description: "Gemm, plain weight, scalar bias",
      operation: .gemm(Gemm(transposesWeight: false)), input: [37], constants: [[37, 10], [1]]),
    .init(
      description: "Gemm with a computed weight", operation: .gemm(Gemm()), input: [5],
      others: [Shape([4, 5])]),
    .init(
      description: "MatMul by a matrix", operation: .matrixProduct(.init()), input: [7, 12],
      constants: [[12, 9]]),
    .init(
      description: "MatMul by a vector", operation: .matrixProduct(.init()), input: [7, 12],
      constants: [[12]]),
    .init(
      description: "MatMul by matrices", operation: .matrixProduct(.init()), input: [3, 7, 12],
      constants: [[3, 12, 5]]),
    .init(
      description: "MatMul of a constant", operation: .matrixProduct(.init()), input: [7, 12],
      constants: [[9, 7]], constantsAreFirst: true),
    .init(
      description: "MatMul of activations", operation: .matrixProduct(.init()), input: [3, 7, 12],
      others: [.batched([3, 12, 4])]),
    .init(
      description: "MatMul of activations with broadcasting", operation: .matrixProduct(.init()),
      input: [3, 7, 12], others: [.batched([1, 12, 4])]),
    .init(
      description: "MatMul with an input of no images", operation: .matrixProduct(.init()),
      input: [6, 4], others: [Shape([4, 5])]),
  ]
}
