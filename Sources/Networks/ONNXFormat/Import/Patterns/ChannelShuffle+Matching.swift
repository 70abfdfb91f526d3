import NetworkGraph

extension PatternMatcher {
  /// An axis split in two that change places and are joined again.
  @Sendable static func channelShuffle(
    _ matcher: inout PatternMatcher, _ last: Node
  ) -> Match? {
    guard case .reshape = last.operation,
      let (swapIndex, swap) = matcher.node(giving: last.inputs[0], where: { _ in true }),
      case .transpose(let transpose) = swap.operation,
      let split = matcher.node(
        giving: swap.inputs[0], where: { if case .reshape = $0 { true } else { false } }),
      let x = split.node.inputs[0]
    else { return nil }
    let shape = matcher.network[x].shape
    let parts = matcher.network[split.node.output].shape
    guard shape == matcher.network[last.output].shape, shape.rank > 1, shape[0] == .batch,
      parts.rank == shape.rank + 1,
      let axis = transpose.permutation.indices.first(where: { transpose.permutation[$0] != $0 }),
      axis > 0, axis + 1 < parts.rank, let groups = parts[axis].extent,
      let width = parts[axis + 1].extent, groups > 1, width > 1
    else { return nil }
    var swapped = Array(parts.dimensions.indices)
    swapped.swapAt(axis, axis + 1)
    var whole = parts
    whole.dimensions.replaceSubrange(axis...(axis + 1), with: [.fixed(groups * width)])
    guard transpose.permutation == swapped, whole == shape else { return nil }
    let gather = Gather(
      axis: axis, indices: ChannelShuffle.indices(groups: groups, width: width))
    return Match(
      operation: .gather(gather), inputs: [x], replaced: [swapIndex, split.index])
  }
}
