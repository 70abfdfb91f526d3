import Solvers

/// The geometric programme max Σ I log x under all budgets, rounded: every group takes a share of
/// the cost in proportion to its importance, and none is ever emptied (algorithms.md 1.6 (c)).
public struct LogContinuousStrategy: AllocationStrategy {
  public let name = "log-continuous"

  public init() {}

  public func allocate(_ problem: AllocationProblem) -> AllocationOutcome {
    let grids = problem.grids()
    if let reason = problem.unreachableBudget(grids: grids) { return .infeasible(reason) }
    let dense = problem.groups.map { Double($0.width) }
    let lower = zip(grids, dense).map { Double($0[0]) / $1 }
    let result = GeometricProgramme(
      importance: problem.importances, lower: lower,
      costs: problem.limits.map(problem.quadraticCost),
      limits: problem.limits.map { Double($0.limitOfCost) }
    ).solve()
    let wanted = zip(result?.ratios ?? lower, dense).map { $0 * $1 }
    return problem.rounded(wanted, grids: grids, strategy: name)
  }
}
