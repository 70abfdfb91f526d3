import Solvers

/// Several plans for one network: a ladder of budgets, or the best few for one.
extension AllocationProblem {
  /// One outcome for each list of limits, such that a bigger budget's widths are nowhere below a
  /// smaller one's: one set of channels can then serve all rungs, each a part of the next.
  ///
  /// Solved from the biggest down and from the smallest up, each rung within the widths of the one
  /// before; the direction with the greater sum of utilities stands. The bound of a rung is for
  /// plans that keep to the ladder.
  ///
  /// - Parameter budgets: Of this problem's resources, in the order of its limits.
  /// - Throws: ``AllocationError`` where budgets do not contain each other: one is higher in one
  ///   resource and lower in another.
  public func ladder(_ budgets: [[ResourceLimit]]) throws -> [AllocationOutcome] {
    for budget in budgets {
      guard budget.map(\.resource) == limits.map(\.resource) else {
        throw AllocationError(
          .invalidProblem, "every rung of a ladder must limit the same resources, in one order")
      }
    }
    let ascending = budgets.indices.sorted {
      budgets[$0].map(\.limit).lexicographicallyPrecedes(budgets[$1].map(\.limit))
    }
    for (lower, upper) in zip(ascending, ascending.dropFirst()) {
      guard zip(budgets[lower], budgets[upper]).allSatisfy({ $0.limit <= $1.limit }) else {
        throw AllocationError(
          .invalidProblem,
          """
          budgets \(lower + 1) and \(upper + 1) do not contain each other; \
          a ladder needs one order in all resources
          """)
      }
    }
    try validate()
    let down = climb(budgets, order: ascending.reversed(), isUp: false)
    let up = climb(budgets, order: ascending, isUp: true)
    return up.utility > down.utility ? up.outcomes : down.outcomes
  }

  private func climb(_ budgets: [[ResourceLimit]], order: [Int], isUp: Bool) -> (
    outcomes: [AllocationOutcome], utility: Double
  ) {
    var outcomes = [AllocationOutcome?](repeating: nil, count: budgets.count)
    var rung = self
    var utility = 0.0
    for index in order {
      rung.limits = budgets[index]
      let outcome = CertifiedStrategy().allocate(rung)
      outcomes[index] = outcome
      guard case .plan(let plan) = outcome else { continue }
      utility += plan.objective
      for group in groups.indices {
        if isUp {
          rung.groups[group].minimum = plan.widths[group]
        } else {
          rung.groups[group].maximum = plan.widths[group]
        }
      }
    }
    return (outcomes.compactMap(\.self), utility)
  }

  /// The best distinct plans within the limits, best first: at most `count`.
  ///
  /// The bound of each is for every plan that does not stand before it. Where no plan is within
  /// the budgets, the one outcome says why.
  public func best(_ count: Int) throws -> [AllocationOutcome] {
    guard count >= 1 else {
      throw AllocationError(.invalidProblem, "\(count) plans are none; ask for at least 1")
    }
    try validate()
    return CertifiedStrategy().best(count, self)
  }
}
