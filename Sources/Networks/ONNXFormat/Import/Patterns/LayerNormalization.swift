import NetworkGraph

extension PatternMatcher {
  /// (x − mean) / √(mean of (x − mean)² + ε) over the last axes; scale and shift join later.
  ///
  /// Over one axis before the last, as over the channels of an image, it becomes the same between
  /// two transposes: ONNX's operator knows last axes only.
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
        let mean = matcher.mean(variance), mean.axes == centred.axes,
        let square = matcher.square(mean.input), let again = matcher.centred(square.input),
        again.x == centred.x, again.axes == centred.axes, let axis = mean.axes.first
      else { continue }
      let replaced =
        [root.index, sum.index, mean.index, square.index] + centred.replaced + again.replaced
      let rank = matcher.network[centred.x].shape.rank
      if mean.axes == Array(axis..<rank) {
        return Match(
          operation: .normalization(Normalization(.layer(axis: axis), epsilon: epsilon)),
          inputs: [centred.x, nil, nil], replaced: replaced)
      }
      guard mean.axes.count == 1, axis > 0 else { return nil }
      return matcher.transposed(
        Normalization(.layer(axis: rank - 1), epsilon: epsilon), of: centred.x, axis: axis,
        centring: centred.replaced[0], root: root.index, replaced: replaced)
    }
    return nil
  }

  /// The normalisation over one axis, with that axis moved to the end and back.
  private func transposed(
    _ normalization: Normalization, of x: ValueID, axis: Int, centring: Int, root: Int,
    replaced: [Int]
  ) -> Match {
    let shape = network[x].shape
    let there = (0..<shape.rank).filter { $0 != axis } + [axis]
    let back = there.indices.map { place in there.firstIndex(of: place) ?? place }
    let moved = Shape(there.map { shape[$0] })
    let (first, second) = (network.nodes[centring].output, network.nodes[root].output)
    return Match(
      operation: .transpose(Transpose(permutation: back)), inputs: [second], replaced: replaced,
      rewritten: [
        Rewriting(
          index: centring, operation: .transpose(Transpose(permutation: there)), inputs: [x],
          shape: moved),
        Rewriting(
          index: root, operation: .normalization(normalization), inputs: [first, nil, nil],
          shape: moved),
      ])
  }

  /// x − mean of x.
  private func centred(_ id: ValueID?) -> (x: ValueID, axes: [Int], replaced: [Int])? {
    guard let (index, difference) = node(giving: id, by: .elementwise(.subtract)),
      let x = difference.inputs[0], let mean = mean(difference.inputs[1]), mean.input == x
    else { return nil }
    return (x, mean.axes, [index, mean.index])
  }

  /// A mean over axes which are kept.
  private func mean(_ id: ValueID?) -> (index: Int, input: ValueID, axes: [Int])? {
    guard let (index, node) = node(giving: id, where: { _ in true }),
      case .reduction(let mean) = node.operation, mean.kind == .mean, mean.keepsAxes,
      let input = node.inputs[0]
    else { return nil }
    return (index, input, mean.axes)
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
