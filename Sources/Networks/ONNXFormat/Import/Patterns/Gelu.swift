import NetworkGraph

extension PatternMatcher {
  /// x · (1 + erf(x / √2)) · ½, the three factors multiplied in any order.
  @Sendable static func gelu(_ matcher: inout PatternMatcher, _ last: Node) -> Match? {
    guard last.operation == .elementwise(.multiply) else { return nil }
    for (a, b) in matcher.orders(last) {
      guard let product = matcher.node(giving: a, by: last.operation) else { continue }
      for (c, d) in matcher.orders(product.node) {
        // Of the three factors b, c and d, d is the sum or the half, b the other or x.
        let arrangements = [
          (x: c, sum: d, half: b), (x: c, sum: b, half: d), (x: b, sum: c, half: d),
        ]
        for factors in arrangements where matcher.isConstant(factors.half, 0.5) {
          guard let gate = matcher.normalDistribution(factors.sum), gate.x == factors.x else {
            continue
          }
          return Match(
            operation: .activation(.gelu(isApproximate: false)), inputs: [gate.x],
            replaced: [product.index] + gate.replaced)
        }
      }
    }
    return nil
  }

  /// 1 + erf(x / √2), twice the normal distribution.
  private func normalDistribution(_ sum: ValueID) -> (x: ValueID, replaced: [Int])? {
    guard let (sumIndex, sumNode) = node(giving: sum, by: .elementwise(.add)) else { return nil }
    for (value, one) in orders(sumNode) where isConstant(one, 1) {
      guard let (erfIndex, erf) = node(giving: value, by: .activation(.erf)),
        let (scaleIndex, x) = scaled(erf.inputs[0])
      else { continue }
      return (x, [sumIndex, erfIndex, scaleIndex])
    }
    return nil
  }

  /// x / √2, as a quotient or a product.
  private func scaled(_ id: ValueID?) -> (index: Int, x: ValueID)? {
    let root = Float(2).squareRoot()
    if let (index, quotient) = node(giving: id, by: .elementwise(.divide)),
      isConstant(quotient.inputs[1], root), let x = quotient.inputs[0]
    {
      return (index, x)
    }
    guard let (index, product) = node(giving: id, by: .elementwise(.multiply)) else { return nil }
    return orders(product).first { isConstant($0.1, 1 / root) }.map { (index, $0.0) }
  }
}
