import Solvers

/// Evolution with a hard limit: MetaPruning's operators (algorithms.md 4.3) on grid widths.
public struct GeneticStrategy: AllocationStrategy {
  public let name = "genetic"
  private let search: GeneticSearch

  /// - Parameter search: Its seed decides the answer.
  public init(search: GeneticSearch = GeneticSearch()) {
    self.search = search
  }

  public func allocate(_ problem: AllocationProblem) -> AllocationOutcome {
    let grids = problem.grids()
    if let reason = problem.unreachableBudget(grids: grids) { return .infeasible(reason) }
    let choices = problem.choices(grids: grids)
    let choice = search.solve(choices) ?? grids.map { _ in 0 }
    return problem.plan(
      widths: zip(grids, choice).map { $0[$1] }, choices: choices, strategy: name)
  }
}
