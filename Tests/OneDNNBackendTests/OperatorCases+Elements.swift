import NetworkGraph

extension OperatorCase {
  static let activations: [OperatorCase] = [
    Activation.relu, .clip(-0.5, 0.5), .clip(0, .infinity), .leakyRelu(alpha: 0.1),
    .thresholdedRelu(alpha: 0.3), .sigmoid, .tanh, .hardSigmoid(alpha: 0.3, beta: 0.4), .hardSwish,
    .silu, .mish, .gelu(isApproximate: false), .gelu(isApproximate: true), .elu(alpha: 0.7),
    .selu(alpha: 1.6732632, gamma: 1.050701), .celu(alpha: 0.5), .softplus, .softsign, .erf,
    .exponential, .logarithm, .squareRoot, .reciprocal, .absolute, .negation, .floor, .ceiling,
    .round,
  ].flatMap { activation in
    [[5, 4, 4], [33]].map { input in
      let isPositive = [.logarithm, .squareRoot, .reciprocal].contains(activation)
      return OperatorCase(
        description: "\(activation) of \(input)", operation: .activation(activation), input: input,
        isPositive: isPositive)
    }
  }

  /// Every elementwise operation with every kind of second operand.
  static let pairs: [OperatorCase] =
    Elementwise.allCases.flatMap { operation -> [OperatorCase] in
      let second: [(String, [Shape], [[Int]?])] = [
        ("an activation", [.batched([19, 4, 5])], []),
        ("a gate", [.batched([19, 1, 1])], []),
        ("a map", [.batched([1, 4, 5])], []),
        ("an input of no images", [Shape([19, 1, 5])], []),
        ("a constant", [], [[19, 4, 5]]),
        ("a constant per channel", [], [[1, 19, 1, 1]]),
        ("a row", [], [[5]]),
        ("a number", [], [[]]),
      ]
      return second.flatMap { name, others, constants in
        [false, true].compactMap { isFirst in
          isFirst && constants.isEmpty
            ? nil
            : OperatorCase(
              description: "\(operation) with \(name)\(isFirst ? " first" : "")",
              operation: .elementwise(operation), input: [19, 4, 5], others: others,
              constants: constants, constantsAreFirst: isFirst, isPositive: true)
        }
      } + [
        OperatorCase(
          description: "\(operation) of a gate and an activation",
          operation: .elementwise(operation), input: [19, 1, 1], others: [.batched([19, 4, 5])],
          isPositive: true),
        OperatorCase(
          description: "\(operation) of a column and a row", operation: .elementwise(operation),
          input: [7, 1], others: [.batched([1, 6])], isPositive: true),
      ]
    } + [
      .init(
        description: "PRelu by channel", operation: .parametricRelu, input: [19, 4, 4],
        constants: [[19, 1, 1]]),
      .init(
        description: "PRelu with one slope", operation: .parametricRelu, input: [19, 4, 4],
        constants: [[1]]),
      .init(
        description: "PRelu with computed slopes", operation: .parametricRelu, input: [6, 4, 4],
        others: [.batched([6, 1, 1])]),
    ]
}
