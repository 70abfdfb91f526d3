import Solvers

/// From the dense widths down, one grid step at a time: always the step that loses least utility
/// for the excess it removes.
public struct GreedyStrategy: AllocationStrategy {
  public let name = "greedy"

  public init() {}

  public func allocate(_ problem: AllocationProblem) -> AllocationOutcome {
    let grids = problem.grids()
    if let reason = problem.unreachableBudget(grids: grids) { return .infeasible(reason) }
    let choices = problem.choices(grids: grids)
    let choice = GreedyDescent().solve(choices) ?? grids.map { _ in 0 }
    return problem.plan(
      widths: zip(grids, choice).map { $0[$1] }, choices: choices, strategy: name)
  }
}
