import NetworkGraph

extension OperatorGoldenTests {
  /// The operators of Fixtures/generate_operators.py, by the same names.
  static let operators: [String: Operator] = windows.merging(products) { $1 }
    .merging(normalizations) { $1 }.merging(activations) { $1 }.merging(alongAxes) { $1 }
    .merging(movements) { $1 }.merging(resizes) { $1 }

  private static let windows: [String: Operator] = [
    "conv-1d-dilated": .convolution(
      Convolution(kernel: [3], strides: [2], dilations: [2], padsBefore: [3], padsAfter: [1])),
    "conv-2d-grouped": .convolution(
      Convolution(
        kernel: [3, 2], strides: [2, 1], padsBefore: [1, 0], padsAfter: [2, 1], groups: 2)),
    "conv-3d": .convolution(
      Convolution(kernel: [2, 2, 3], padsBefore: [1, 0, 1], padsAfter: [0, 1, 1])),
    "transposed-1d": .transposedConvolution(
      TransposedConvolution(
        kernel: [3], strides: [3], padsBefore: [1], padsAfter: [1], outputPadding: [2])),
    "transposed-2d-grouped-dilated": .transposedConvolution(
      TransposedConvolution(
        kernel: [2, 3], strides: [2, 1], dilations: [2, 2], padsBefore: [1, 0], padsAfter: [0, 2],
        outputPadding: [1, 0], groups: 2)),
    "transposed-3d": .transposedConvolution(
      TransposedConvolution(kernel: [2, 2, 2], strides: [1, 2, 2])),
    "pool-max-dilated": .pooling(
      Pooling(
        kind: .maximum, kernel: [2, 3], strides: [2, 1], dilations: [2, 2], padsBefore: [1, 2],
        padsAfter: [0, 1])),
    "pool-max-ceil": .pooling(
      Pooling(kind: .maximum, kernel: [3, 3], strides: [2, 3], roundsUp: true)),
    "pool-max-1d": .pooling(Pooling(kind: .maximum, kernel: [2], strides: [2])),
    "pool-average-padded": .pooling(
      Pooling(
        kind: .average(countsPadding: true), kernel: [3, 2], strides: [2, 2], padsBefore: [1, 1],
        padsAfter: [1, 0])),
    "pool-average-ceil": .pooling(
      Pooling(
        kind: .average(countsPadding: false), kernel: [3, 3], strides: [2, 2], padsBefore: [1, 0],
        padsAfter: [0, 0], roundsUp: true)),
    "pool-average-dilated": .pooling(
      Pooling(
        kind: .average(countsPadding: false), kernel: [2, 2], dilations: [2, 3],
        padsBefore: [1, 1], padsAfter: [1, 1])),
    "pool-average-3d": .pooling(
      Pooling(kind: .average(countsPadding: false), kernel: [2, 2, 2])),
    "pool-global-average": .pooling(Pooling(kind: .average(countsPadding: false), kernel: nil)),
    "pool-global-max": .pooling(Pooling(kind: .maximum, kernel: nil)),
  ]

  private static let products: [String: Operator] = [
    "gemm-scaled": .gemm(Gemm(alpha: 0.5, beta: 2)),
    "gemm-plain": .gemm(Gemm(transposesWeight: false)),
    "matmul-broadcast": .matrixProduct(MatrixProduct()),
    "matmul-row": .matrixProduct(MatrixProduct()),
    "matmul-column": .matrixProduct(MatrixProduct()),
    "matmul-inner": .matrixProduct(MatrixProduct()),
  ]

  private static let normalizations: [String: Operator] = [
    "batch-normalization": .batchNormalization(BatchNormalization(epsilon: 1e-3)),
    "layer-normalization": .normalization(Normalization(.layer(axis: 1), epsilon: 1e-3)),
    "layer-normalization-last": .normalization(Normalization(.layer(axis: 2))),
    "instance-normalization": .normalization(Normalization(.instance, epsilon: 1e-2)),
    "group-normalization": .normalization(Normalization(.group(3), epsilon: 1e-3)),
    "lrn-odd": .localResponseNormalization(
      LocalResponseNormalization(size: 3, alpha: 0.5, beta: 0.6, bias: 1.5)),
    "lrn-wide": .localResponseNormalization(LocalResponseNormalization(size: 7, alpha: 0.25)),
  ]

  private static let activations: [String: Operator] = [
    "relu": .activation(.relu), "leaky-relu": .activation(.leakyRelu(alpha: 0.25)),
    "thresholded-relu": .activation(.thresholdedRelu(alpha: 1.5)),
    "sigmoid": .activation(.sigmoid), "tanh": .activation(.tanh),
    "hard-sigmoid": .activation(.hardSigmoid(alpha: 0.3, beta: 0.4)),
    "hard-swish": .activation(.hardSwish), "mish": .activation(.mish),
    "gelu": .activation(.gelu(isApproximate: false)),
    "gelu-tanh": .activation(.gelu(isApproximate: true)),
    "elu": .activation(.elu(alpha: 0.75)),
    "selu": .activation(.selu(alpha: 1.5, gamma: 1.25)), "celu": .activation(.celu(alpha: 0.5)),
    "softplus": .activation(.softplus), "softsign": .activation(.softsign),
    "erf": .activation(.erf), "absolute": .activation(.absolute),
    "negation": .activation(.negation), "floor": .activation(.floor),
    "ceiling": .activation(.ceiling), "round": .activation(.round),
    "clip": .activation(.clip(-1.5, 2)), "exponential": .activation(.exponential),
    "logarithm": .activation(.logarithm), "square-root": .activation(.squareRoot),
    "reciprocal": .activation(.reciprocal), "prelu": .parametricRelu,
    "broadcast-add": .elementwise(.add), "broadcast-sub": .elementwise(.subtract),
    "broadcast-mul": .elementwise(.multiply), "broadcast-div": .elementwise(.divide),
    "broadcast-min": .elementwise(.minimum), "broadcast-max": .elementwise(.maximum),
    "broadcast-pow": .elementwise(.power),
  ]

  private static let alongAxes: [String: Operator] = [
    "softmax": .softmax(Softmax(axis: 1)),
    "log-softmax": .softmax(Softmax(axis: 1, isLogarithm: true)),
    "reduce-mean": reduction(.mean), "reduce-sum": reduction(.sum),
    "reduce-max": reduction(.maximum), "reduce-min": reduction(.minimum),
    "reduce-prod": reduction(.product), "reduce-l1": reduction(.l1), "reduce-l2": reduction(.l2),
    "reduce-sumsquare": reduction(.sumOfSquares), "reduce-logsumexp": reduction(.logSumExp),
    "reduce-logsum": .reduction(Reduction(.logSum, axes: [1], keepsAxes: false)),
    "arg-max": .argMax(ArgMax(axis: 1, keepsAxis: false)),
    "arg-min-last": .argMax(
      ArgMax(axis: 1, keepsAxis: true, selectsLast: true, isMinimum: true)),
  ]

  private static let movements: [String: Operator] = [
    "concat": .concat(Concat(axis: 1)), "gather": .gather(Gather(axis: 1, indices: [3, 0, 3])),
    "slice": .slice(
      Slice(ranges: [.init(axis: 0, start: 1, end: 4), .init(axis: 1, start: 0, end: 5, step: 2)])
    ),
    "pad-constant": pad(.constant(1.5)), "pad-reflect": pad(.reflect), "pad-edge": pad(.edge),
    "pad-wrap": pad(.wrap), "transpose": .transpose(Transpose(permutation: [2, 0, 1])),
    "expand": .expand(Expand(target: Shape([2, 3, 4]))), "flatten": .flatten(Flatten(axis: 2)),
    "depth-to-space": .depthToSpace(DepthToSpace(size: 2)),
    "depth-to-space-fast": .depthToSpace(DepthToSpace(size: 2, placesAreFast: true)),
    "space-to-depth": .spaceToDepth(SpaceToDepth(size: 2)),
  ]

  private static func reduction(_ kind: Reduction.Kind) -> Operator {
    .reduction(Reduction(kind, axes: [0, 2], keepsAxes: true))
  }

  private static func pad(_ mode: Pad.Mode) -> Operator {
    .pad(Pad(before: [0, 2, 3], after: [0, 1, 2], mode: mode))
  }
}
