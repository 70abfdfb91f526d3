import NetworkGraph
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
    if case .infeasible(let reason) = solution.status {
      let limit = limits[reason.resource]
      return .infeasible(
        InfeasibleBudget(
          resource: limit.resource, limit: limit.limit,
          leastReachable: limit.amount(of: reason.leastReachable), isTogether: reason.isTogether))
    }
    let widths = zip(grids, solution.choice).map { $0[$1] }
    var plan = PruningPlanWidths(
      widths: widths, objective: solution.objective, bound: solution.bound, gap: solution.gap,
      usage: usage(widths: widths), strategy: strategy)
    plan.prices = zip(solution.prices, limits).map { $0 * Double($1.divisor ?? 1) }
    return .plan(plan)
  }

  /// The problem in options of a grid: the index of a width stands for the width.
  func choices(grids: [[Int]]) -> ChoiceProblem {
    let widths = grids.map { $0.map(Int64.init) }
    let values = grids.indices.map { group in
      grids[group].map { utilities[group].value(width: $0, dense: groups[group].width) ?? 0 }
    }
    let resources = limits.map { limit -> ResourceConstraint in
      let cost = costs[limit.resource] ?? CostPolynomial()
      var unary = widths.map { $0.map { _ in Int64(0) } }
      for (group, factor) in cost.linear {
        for (option, width) in widths[group].enumerated() { unary[group][option] += factor * width }
      }
      var pairs: [PairCost] = []
      for (pair, factor) in cost.products.sorted(by: { $0.key < $1.key }) {
        if pair.first == pair.second {
          for (option, width) in widths[pair.first].enumerated() {
            unary[pair.first][option] += factor * width * width
          }
        } else {
          pairs.append(
            PairCost(
              first: pair.first, second: pair.second,
              costs: .product(
                first: widths[pair.first].map { factor * $0 }, second: widths[pair.second])))
        }
      }
      return ResourceConstraint(
        name: limit.resource, limit: limit.limitOfCost, constant: cost.constant, unary: unary,
        pairs: pairs)
    }
    return ChoiceProblem(utilities: values, resources: resources)
  }
}
