/// From the last option of every variable down: each time the step that loses least utility for the
/// excess it removes, until the budgets are met. A step goes to the next lower option that removes
/// any.
public struct GreedyDescent: Sendable {
  public init() {}

  /// The choice reached; nil where the steps ran out first.
  public func solve(_ problem: ChoiceProblem) -> [Int]? {
    problem.checkSizes()
    var local = LocalSearch(problem, choice: problem.utilities.map { $0.count - 1 })
    return local.descend() ? local.choice : nil
  }
}

extension LagrangianSolver {
  /// An upper bound for the utility of every plan within the budgets, at the best prices; −∞ where
  /// there provably is none.
  public func bound(_ problem: ChoiceProblem) -> Double {
    problem.checkSizes()
    var relaxation = Relaxation(Coarsening(Merging(problem).problem, workLimit: workLimit).relaxed)
    for index in problem.resources.indices { _ = relaxation.cheapest(index) }
    let ranges = relaxation.problem.utilities.map { 0...($0.count - 1) }
    let free = problem.utilities.reduce(0) { $0 + ($1.max() ?? 0) }
    let bound = relaxation.bound(ranges: ranges, start: nil, cutoff: -.infinity).bound
    return min(bound, free)
  }
}
