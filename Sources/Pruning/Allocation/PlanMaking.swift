import NetworkGraph
import Solvers

extension AllocationProblem {
  /// The budget that even the narrowest widths exceed by most; nil where they are within all.
  ///
  /// Costs grow with every width, so that the narrowest plan takes the least of every resource.
  func unreachableBudget(grids: [[Int]]) -> InfeasibleBudget? {
    let over = usage(widths: grids.map { $0[0] }).filter { !$0.isWithin }
    let worst = over.max {
      Double($0.used) / Double(max($0.limit, 1)) < Double($1.used) / Double(max($1.limit, 1))
    }
    return worst.map {
      InfeasibleBudget(resource: $0.resource, limit: $0.limit, leastReachable: $0.used)
    }
  }

  /// The plan of some widths, with the bound at the best prices.
  func plan(widths: [Int], choices: ChoiceProblem, strategy: String) -> AllocationOutcome {
    let objective = utility(widths: widths)
    let bound = max(LagrangianSolver().bound(choices), objective)
    return .plan(
      PruningPlanWidths(
        widths: widths, objective: objective, bound: bound,
        gap: (bound - objective) / max(abs(objective), 1e-9), usage: usage(widths: widths),
        strategy: strategy))
  }

  /// The plan on the grid that is near to wanted widths, which need be neither whole nor within
  /// the budgets: each to the nearest grid width; then, over a budget, the group that stands
  /// furthest above what was wanted goes down by one; then those below go up where there is room.
  func rounded(_ wanted: [Double], grids: [[Int]], strategy: String) -> AllocationOutcome {
    if let reason = unreachableBudget(grids: grids) { return .infeasible(reason) }
    let choices = choices(grids: grids)
    var choice = zip(grids, wanted).map { grid, width in
      grid.indices.min { abs(Double(grid[$0]) - width) < abs(Double(grid[$1]) - width) } ?? 0
    }
    func excess(_ group: Int) -> Double {
      (Double(grids[group][choice[group]]) - wanted[group]) / Double(groups[group].width)
    }
    while !choices.allows(choice) {
      let open = choice.indices.filter { choice[$0] > 0 }
      guard let highest = open.max(by: { excess($0) < excess($1) }) else { break }
      choice[highest] -= 1
    }
    for group in choice.indices.sorted(by: { (excess($0), $0) < (excess($1), $1) })
    where excess(group) < 0 && choice[group] < grids[group].count - 1 {
      choice[group] += 1
      if !choices.allows(choice) { choice[group] -= 1 }
    }
    return plan(widths: zip(grids, choice).map { $0[$1] }, choices: choices, strategy: strategy)
  }

  /// A limited cost as a function of keep ratios.
  func quadraticCost(of limit: ResourceLimit) -> QuadraticCost {
    let cost = costs[limit.resource] ?? CostPolynomial()
    let widths = groups.map { Double($0.width) }
    var result = QuadraticCost(
      constant: Double(cost.constant), linear: widths.map { _ in 0 })
    for (group, factor) in cost.linear { result.linear[group] = Double(factor) * widths[group] }
    result.pairs = cost.products.sorted { $0.key < $1.key }.map { pair, factor in
      .init(
        pair.first, pair.second, Double(factor) * widths[pair.first] * widths[pair.second])
    }
    return result
  }

  /// One number for how much each group matters, whatever its utility: the I of `log` and
  /// `linear`; of measured errors, the I of the `log` utility that loses as much at half the width.
  var importances: [Double] {
    zip(groups, utilities).map { group, utility in
      switch utility {
      case .log(let importance), .linear(let importance): return importance
      case .error(let table, let weight):
        let half = table.keys.min {
          (abs(2 * $0 - group.width), $0) < (abs(2 * $1 - group.width), $1)
        }
        return weight * (half.flatMap { table[$0] } ?? 0) / 0.6931471805599453
      }
    }
  }
}
