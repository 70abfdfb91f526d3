import NetworkGraph

extension PatternMatcher {
  /// Products of a value and a function of it: x · σ(x) is SiLU, x · HardSigmoid(x) with slope ⅙
  /// is HardSwish, x · tanh(log(1 + eˣ)) is Mish.
  @Sendable static func gatedActivation(
    _ matcher: inout PatternMatcher, _ last: Node
  ) -> Match? {
    guard last.operation == .elementwise(.multiply) else { return nil }
    for (x, gate) in matcher.orders(last) {
      guard
        let (index, node) = matcher.node(
          giving: gate,
          where: { if case .activation = $0 { true } else { false } })
      else { continue }
      switch node.operation {
      case .activation(.sigmoid) where node.inputs == [x]:
        return Match(operation: .activation(.silu), inputs: [x], replaced: [index])
      case .activation(.hardSigmoid(let alpha, let beta))
      where node.inputs == [x] && isClose(alpha, 1 / 6) && isClose(beta, 0.5):
        return Match(operation: .activation(.hardSwish), inputs: [x], replaced: [index])
      case .activation(.tanh):
        guard
          let softplus = matcher.node(
            giving: node.inputs[0], by: .activation(.softplus)), softplus.node.inputs == [x]
        else { continue }
        return Match(
          operation: .activation(.mish), inputs: [x], replaced: [index, softplus.index])
      default: continue
      }
    }
    return nil
  }
}
