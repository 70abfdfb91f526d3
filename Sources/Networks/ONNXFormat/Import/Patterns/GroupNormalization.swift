import NetworkGraph
import Tensors

extension PatternMatcher {
  /// Groups of channels seen as channels, normalised each alone, and taken apart again.
  @Sendable static func groupNormalization(
    _ matcher: inout PatternMatcher, _ last: Node
  ) -> Match? {
    guard case .reshape = last.operation,
      let (index, node) = matcher.node(giving: last.inputs[0], where: { _ in true }),
      case .normalization(let instance) = node.operation, instance.extent == .instance,
      matcher.isFilled(node.inputs[1], with: 1), matcher.isFilled(node.inputs[2], with: 0),
      let joined = matcher.node(
        giving: node.inputs[0], where: { if case .reshape = $0 { true } else { false } }),
      let x = joined.node.inputs[0]
    else { return nil }
    let shape = matcher.network[x].shape
    let groups = matcher.network[joined.node.output].shape
    guard shape == matcher.network[last.output].shape, shape.rank > 2, groups.rank > 2,
      shape[0] == groups[0], let channels = shape[1].extent, let count = groups[1].extent,
      channels % count == 0
    else { return nil }
    let operation = Normalization(.group(count), epsilon: instance.epsilon)
    return Match(
      operation: .normalization(operation), inputs: [x, nil, nil],
      replaced: [index, joined.index])
  }

  private func isFilled(_ id: ValueID?, with number: Float) -> Bool {
    network.constant(id)?.elements.allSatisfy { $0 == number } ?? false
  }

  /// A normalisation without scale, multiplied by constants.
  @Sendable static func scaledNormalization(
    _ matcher: inout PatternMatcher, _ last: Node
  ) -> Match? {
    matcher.withParameter(last, .multiply) { inputs in inputs[1] == nil && inputs[2] == nil }
  }

  /// A normalisation with a scale but no shift, to which constants are added.
  @Sendable static func shiftedNormalization(
    _ matcher: inout PatternMatcher, _ last: Node
  ) -> Match? {
    matcher.withParameter(last, .add) { inputs in inputs[1] != nil && inputs[2] == nil }
  }

  private mutating func withParameter(
    _ last: Node, _ function: Elementwise, where isOpen: ([ValueID?]) -> Bool
  ) -> Match? {
    guard last.operation == .elementwise(function) else { return nil }
    for (value, parameter) in orders(last) {
      guard let (index, node) = node(giving: value, where: { _ in true }),
        case .normalization(let normalization) = node.operation, node.inputs.count == 3,
        isOpen(node.inputs), let tensor = network.constant(parameter),
        let shape = parameterShape(tensor.shape, of: normalization, network[value].shape),
        let fitted = reshaped(parameter, to: shape)
      else { continue }
      var inputs = node.inputs
      inputs[function == .multiply ? 1 : 2] = fitted
      return Match(operation: node.operation, inputs: inputs, replaced: [index])
    }
    return nil
  }

  /// The shape in which a normalisation takes a parameter that broadcasts to its result.
  private func parameterShape(
    _ shape: [Int], of normalization: Normalization, _ x: Shape
  ) -> [Int]? {
    let trimmed = Array(shape.drop { $0 == 1 })
    switch normalization.extent {
    case .layer(let axis):
      let normalised = x.dimensions[axis...].compactMap(\.extent)
      return trimmed == normalised ? normalised : nil
    case .group:
      guard let channels = x[1].extent,
        trimmed == [channels] + Array(repeating: 1, count: x.rank - 2)
      else { return nil }
      return [channels]
    case .instance: return nil
    }
  }
}
