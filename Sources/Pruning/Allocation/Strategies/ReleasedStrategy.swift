import Solvers

/// The published allocator (ITPruner, arXiv 2108.08532), as its released code computes: SLSQP on
/// Σ I x under one quadratic cost, from x = 1, rounded.
///
/// In the released settings I lies far below the solver's tolerance, and the widths follow from
/// the costs alone. The published method knows one budget and no grid: of several budgets the one
/// that leaves least of the dense network is given to the solver, and the rounded widths are
/// brought onto the grid and within every budget.
public struct ReleasedStrategy: AllocationStrategy {
  public let name = "released"

  public init() {}

  public func allocate(_ problem: AllocationProblem) -> AllocationOutcome {
    let dense = problem.groups.map { Double($0.width) }
    let grids = problem.grids()
    let costs = problem.limits.map { (limit: $0, cost: problem.quadraticCost(of: $0)) }
    let ones = dense.map { _ in 1.0 }
    let tightest = costs.min {
      Double($0.limit.limitOfCost) / max($0.cost.value(ones), 1)
        < Double($1.limit.limitOfCost) / max($1.cost.value(ones), 1)
    }
    guard let tightest, Double(tightest.limit.limitOfCost) < tightest.cost.value(ones) else {
      return problem.rounded(dense, grids: grids, strategy: name)
    }
    let free = problem.groups.indices.filter { !problem.groups[$0].isProtected }
    let cost = tightest.cost.restricted(to: free)
    let result = SequentialQuadraticProgramme(
      importance: free.map { problem.importances[$0] }, cost: cost,
      limit: Double(tightest.limit.limitOfCost)
    ).solve()
    var wanted = dense
    for (group, ratio) in zip(free, result.ratios) { wanted[group] *= ratio }
    return problem.rounded(wanted, grids: grids, strategy: name)
  }
}

extension ReleasedStrategy {
  /// By how many channels, over all groups, the answer moves when every importance is replaced by
  /// their mean: 0 says that the importances did not matter. Nil where there is no plan.
  public func influenceOfImportance(_ problem: AllocationProblem) -> Int? {
    let importances = problem.importances
    let mean = importances.reduce(0, +) / Double(max(importances.count, 1))
    var equal = problem
    equal.utilities = importances.map { _ in .linear(importance: mean) }
    guard case .plan(let plan) = allocate(problem), case .plan(let other) = allocate(equal) else {
      return nil
    }
    return zip(plan.widths, other.widths).reduce(0) { $0 + abs($1.0 - $1.1) }
  }
}

extension QuadraticCost {
  /// The cost of some of the variables, the others at 1.
  func restricted(to kept: [Int]) -> QuadraticCost {
    let place = Dictionary(uniqueKeysWithValues: zip(kept, kept.indices))
    var result = QuadraticCost(constant: constant, linear: kept.map { linear[$0] })
    for variable in linear.indices where place[variable] == nil {
      result.constant += linear[variable]
    }
    for pair in pairs {
      switch (place[pair.first], place[pair.second]) {
      case (let first?, let second?): result.pairs.append(.init(first, second, pair.factor))
      case (let only?, nil), (nil, let only?): result.linear[only] += pair.factor
      case (nil, nil): result.constant += pair.factor
      }
    }
    return result
  }
}
