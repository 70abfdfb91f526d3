import Solvers

/// One threshold for all groups, as CaP's structural search has it: every group takes its
/// narrowest width that loses no more utility than the threshold, and bisection finds the smallest
/// threshold within the budgets, in a limited number of steps.
public struct BinarySearchStrategy: AllocationStrategy {
  public let name = "binary-search"
  private let stepLimit: Int

  public init(stepLimit: Int = 60) {
    self.stepLimit = stepLimit
  }

  public func allocate(_ problem: AllocationProblem) -> AllocationOutcome {
    let grids = problem.grids()
    if let reason = problem.unreachableBudget(grids: grids) { return .infeasible(reason) }
    let choices = problem.choices(grids: grids)
    let losses = choices.utilities.map { row in
      row.map { (row.max() ?? 0) - $0 }
    }
    func choice(_ threshold: Double) -> [Int] {
      losses.map { row in row.firstIndex { $0 <= threshold } ?? 0 }
    }
    // At the greatest loss every group is at its narrowest, which is within the budgets.
    var (low, high) = (0.0, losses.reduce(0) { max($0, $1.max() ?? 0) })
    if choices.allows(choice(low)) { high = low }
    for _ in 0..<stepLimit where low < high {
      let middle = (low + high) / 2
      if choices.allows(choice(middle)) { high = middle } else { low = middle }
    }
    return problem.plan(
      widths: zip(grids, choice(high)).map { $0[$1] }, choices: choices, strategy: name)
  }
}
