import Solvers

/// The best plan that Lagrangian bounds, local search and branch and bound find, with its proof.
public struct CertifiedStrategy: AllocationStrategy {
  public let name = "certified"
  private let solver: LagrangianSolver

  public init(solver: LagrangianSolver = LagrangianSolver()) {
    self.solver = solver
  }

  public func allocate(_ problem: AllocationProblem) -> AllocationOutcome {
    let grids = problem.grids()
    let solution = solver.solve(problem.choices(grids: grids))
    return problem.outcome(of: solution, grids: grids, strategy: name)
  }
}

extension AllocationProblem {
  func outcome(of solution: Solution, grids: [[Int]], strategy: String) -> AllocationOutcome {
    let owners = owners
    if case .infeasible(let reason) = solution.status {
      let limit = limits[owners[reason.resource]]
      var least = limit.amount(of: reason.leastReachable)
      // The narrowest plan takes the least of every step at once.
      if steps[limit.resource] != nil {
        least = usage(widths: grids.map { $0[0] })[owners[reason.resource]].used
      }
      return .infeasible(
        InfeasibleBudget(
          resource: limit.resource, limit: limit.limit, leastReachable: least,
          isTogether: reason.isTogether))
    }
    let widths = zip(grids, solution.choice).map { $0[$1] }
    var plan = PruningPlanWidths(
      widths: widths, objective: solution.objective, bound: solution.bound, gap: solution.gap,
      usage: usage(widths: widths), strategy: strategy)
    var prices = limits.map { _ in 0.0 }
    for (price, owner) in zip(solution.prices, owners) {
      prices[owner] += price * Double(limits[owner].divisor ?? 1)
    }
    plan.prices = prices
    return .plan(plan)
  }
}
