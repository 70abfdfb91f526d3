import Solvers

/// Plans for several budgets that contain each other.
extension AllocationProblem {
  /// One outcome for each list of limits, such that a bigger budget's widths are nowhere below a
  /// smaller one's: one set of channels can then serve all rungs, each a part of the next.
  ///
  /// Solved from the biggest down and from the smallest up, each rung within the widths of the one
  /// before; the direction with the greater sum of utilities stands. The bound of a rung is for
  /// plans that keep to the ladder.
  ///
  /// - Parameters:
  ///   - budgets: Of this problem's resources, in the order of its limits.
  ///   - targetGap: A rung is left at a plan this close to its bound; 0 for the best.
  /// - Throws: ``AllocationError`` where budgets do not contain each other: one is higher in one
  ///   resource and lower in another.
  public func ladder(
    _ budgets: [[ResourceLimit]], targetGap: Double = 0
  ) throws -> [AllocationOutcome] {
    let ascending = try ascending(budgets, names: budgets.indices.map { "budget \($0 + 1)" })
    try validate()
    let solver = LagrangianSolver.certifying(to: targetGap)
    let down = climb(budgets, order: ascending.reversed(), isUp: false, by: solver)
    let up = climb(budgets, order: ascending, isUp: true, by: solver)
    return up.utility > down.utility ? up.outcomes : down.outcomes
  }

  /// The places of budgets from the smallest to the biggest.
  ///
  /// - Throws: ``AllocationError`` that names two budgets neither of which contains the other.
  func ascending(_ budgets: [[ResourceLimit]], names: [String]) throws -> [Int] {
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
          the budgets of \(names[lower]) and \(names[upper]) do not contain each other; \
          a ladder needs one order in all resources
          """)
      }
    }
    return ascending
  }

  private func climb(
    _ budgets: [[ResourceLimit]], order: [Int], isUp: Bool, by solver: LagrangianSolver
  ) -> (outcomes: [AllocationOutcome], utility: Double) {
    var outcomes = [AllocationOutcome?](repeating: nil, count: budgets.count)
    var rung = self
    var utility = 0.0
    for index in order {
      rung.limits = budgets[index]
      let outcome = CertifiedStrategy(solver: solver).allocate(rung)
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
}
