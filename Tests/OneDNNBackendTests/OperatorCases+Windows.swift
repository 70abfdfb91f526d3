import NetworkGraph

extension OperatorCase {
  static let poolings: [OperatorCase] = [
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
    .init(kind: .maximum, kernel: [3, 2], dilations: [2, 3], padsBefore: [1, 1]),
    .init(kind: .average(countsPadding: false), kernel: [2, 2], dilations: [2, 2]),
    .init(
      kind: .average(countsPadding: true), kernel: [2, 2], dilations: [2, 2], padsAfter: [1, 1]),
  ].map { (operation: Pooling) in
    .init(
      description:
        "\(operation.name) \(operation.kind) \(operation.dilations) \(operation.roundsUp)",
      operation: .pooling(operation), input: [17, 7, 7])
  }

  static let reductions: [OperatorCase] =
    Reduction.Kind.allCases.flatMap { kind in
      [[1], [2], [2, 3], [3], [1, 3], [1, 2, 3]].map { axes in
        OperatorCase(
          description: "\(kind.name) over \(axes)",
          operation: .reduction(Reduction(kind, axes: axes, keepsAxes: axes.count == 1)),
          input: [3, 2, 19], isPositive: true)
      }
    } + [
      .init(
        description: "ArgMax", operation: .argMax(.init(axis: 1, keepsAxis: false)), input: [9]),
      .init(
        description: "ReduceMean of a wide map",
        operation: .reduction(Reduction(.mean, axes: [2, 3], keepsAxes: false)), input: [17, 9, 9]),
    ]

  static let normalizations: [OperatorCase] =
    [
      .init(
        description: "BatchNormalization", operation: .batchNormalization(.init()),
        input: [19, 5, 5], constants: [[19], [19], [19], [19]]),
      .init(
        description: "BatchNormalization of rows", operation: .batchNormalization(.init()),
        input: [19], constants: [[19], [19], [19], [19]]),
      .init(description: "Softmax", operation: .softmax(Softmax(axis: 1)), input: [10]),
      .init(
        description: "Softmax over channels", operation: .softmax(Softmax(axis: 1)),
        input: [7, 3, 3]),
      .init(
        description: "LogSoftmax", operation: .softmax(Softmax(axis: 3, isLogarithm: true)),
        input: [2, 3, 11]),
    ]
    + [1, 3, 4, 5].map { size in
      .init(
        description: "LRN over \(size)",
        operation: .localResponseNormalization(.init(size: size, alpha: 0.5, bias: 2)),
        input: [19, 3, 3])
    }
    + [Normalization.Extent.instance, .group(3), .layer(axis: 1), .layer(axis: 3)]
    .flatMap { extent -> [OperatorCase] in
      let parameters: [[Int]] =
        switch extent {
        case .instance, .group: [[18]]
        case .layer(let axis): [Array([18, 5, 21][(axis - 1)...]), [21]]
        }
      return parameters.map { shape in
        OperatorCase(
          description: "\(extent) with \(shape)", operation: .normalization(.init(extent)),
          input: [18, 5, 21], constants: [shape, shape])
      } + [
        OperatorCase(
          description: "\(extent) with a shift alone", operation: .normalization(.init(extent)),
          input: [18, 5, 21], constants: [nil, parameters[0]]),
        OperatorCase(
          description: "\(extent)", operation: .normalization(.init(extent)), input: [18, 5, 21]),
      ]
    } + [
      .init(
        description: "GroupNormalization of some channels",
        operation: .normalization(counted), input: [6, 3, 3], constants: [[6], [6]])
    ]

  private static let counted: Normalization = {
    var result = Normalization(.group(2))
    result.counted = [1: [0, 2, 3, 5]]
    return result
  }()
}
