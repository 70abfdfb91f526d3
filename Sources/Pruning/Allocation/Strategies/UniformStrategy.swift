/// The same keep ratio everywhere: the largest that stays within the budgets.
///
/// Each group takes the widest grid width of at most ratio · W, or its narrowest. For comparison
/// with what scores and errors achieve.
public struct UniformStrategy: AllocationStrategy {
  public let name = "uniform"

  public init() {}

  public func allocate(_ problem: AllocationProblem) -> AllocationOutcome {
    let grids = problem.grids()
    if let reason = problem.unreachableBudget(grids: grids) { return .infeasible(reason) }
    let choices = problem.choices(grids: grids)
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
    let best = ratios.reversed().lazy.map(widths).first {
      problem.usage(widths: $0).allSatisfy(\.isWithin)
    }
    return problem.plan(
      widths: best ?? grids.map { $0[0] }, choices: choices, strategy: name)
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
