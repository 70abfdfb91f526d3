/// The same keep ratio everywhere: the largest that stays within the budgets.
///
/// Each group takes the widest grid width of at most ratio · W, or its narrowest. For comparison
/// with what scores and errors achieve.
public struct UniformStrategy: AllocationStrategy {
  public let name = "uniform"

  public init() {}

  public func allocate(_ problem: AllocationProblem) -> AllocationOutcome {
    let grids = problem.grids()
    // A plan changes only at ratios where some group reaches a grid width.
    let ratios = Set(
      zip(grids, problem.groups).flatMap { grid, group in
        grid.map { Double($0) / Double(group.width) }
      }
    ).sorted()
    func widths(at ratio: Double) -> [Int] {
      zip(grids, problem.groups).map { grid, group in
        grid.last { Double($0) / Double(group.width) <= ratio } ?? grid[0]
      }
    }
    for ratio in ratios.reversed() {
      let widths = widths(at: ratio)
      let usage = problem.usage(widths: widths)
      guard usage.allSatisfy(\.isWithin) else { continue }
      let objective = problem.utility(widths: widths)
      let bound = zip(zip(grids, problem.groups), problem.utilities).reduce(0) { sum, item in
        let ((grid, group), utility) = item
        return sum + (grid.compactMap { utility.value(width: $0, dense: group.width) }.max() ?? 0)
      }
      return .plan(
        PruningPlanWidths(
          widths: widths, objective: objective, bound: max(bound, objective),
          gap: max(bound - objective, 0) / max(abs(objective), 1e-9), usage: usage, strategy: name))
    }
    let usage = problem.usage(widths: grids.map { $0[0] })
    let worst = usage.max {
      Double($0.used) / Double(max($0.limit, 1)) < Double($1.used) / Double(max($1.limit, 1))
    }
    return .infeasible(
      InfeasibleBudget(
        resource: worst?.resource ?? "", limit: worst?.limit ?? 0,
        leastReachable: worst?.used ?? 0))
  }
}

extension AllocationProblem {
  /// Σ u of widths indexed by group.
  public func utility(widths: [Int]) -> Double {
    var total = 0.0
    for (group, utility) in zip(groups, utilities) {
      total += utility.value(width: widths[group.id], dense: group.width) ?? 0
    }
    return total
  }
}
