import NetworkGraph

extension PatternMatcher {
  /// (x − mean) / √(mean of (x − mean)² + ε) over the last axes; scale and shift join later.
  @Sendable static func layerNormalization(
    _ matcher: inout PatternMatcher, _ last: Node
  ) -> Match? {
    guard last.operation == .elementwise(.divide),
      let centred = matcher.centred(last.inputs[0]),
      let root = matcher.node(giving: last.inputs[1], by: .activation(.squareRoot)),
      let sum = matcher.node(giving: root.node.inputs[0], by: .elementwise(.add))
    else { return nil }
    for (variance, epsilon) in matcher.orders(sum.node) {
      guard let epsilon = matcher.scalar(epsilon), epsilon > 0,
        let mean = matcher.trailingMean(variance), mean.axis == centred.axis,
        let square = matcher.square(mean.input), let again = matcher.centred(square.input),
        again.x == centred.x, again.axis == centred.axis
      else { continue }
      let operation = Normalization(.layer(axis: centred.axis), epsilon: epsilon)
      return Match(
        operation: .normalization(operation), inputs: [centred.x, nil, nil],
        replaced: [root.index, sum.index, mean.index, square.index] + centred.replaced
          + again.replaced)
    }
    return nil
  }

  /// x − mean of x.
  private func centred(_ id: ValueID?) -> (x: ValueID, axis: Int, replaced: [Int])? {
    guard let (index, difference) = node(giving: id, by: .elementwise(.subtract)),
      let x = difference.inputs[0], let mean = trailingMean(difference.inputs[1]), mean.input == x
    else { return nil }
    return (x, mean.axis, [index, mean.index])
  }

  /// A mean over all axes from one on, which are kept.
  private func trailingMean(_ id: ValueID?) -> (index: Int, input: ValueID, axis: Int)? {
    guard let (index, node) = node(giving: id, where: { _ in true }),
      case .reduction(let mean) = node.operation, mean.kind == .mean, mean.keepsAxes,
      let input = node.inputs[0], let axis = mean.axes.first,
      mean.axes == Array(axis..<network[input].shape.rank)
    else { return nil }
    return (index, input, axis)
  }

  private func square(_ id: ValueID?) -> (index: Int, input: ValueID)? {
    if let (index, power) = node(giving: id, by: .elementwise(.power)),
      isConstant(power.inputs[1], 2), let input = power.inputs[0]
    {
      return (index, input)
    }
    guard let (index, product) = node(giving: id, by: .elementwise(.multiply)),
      let input = product.inputs[0], product.inputs[1] == input
    else { return nil }
    return (index, input)
  }
}
