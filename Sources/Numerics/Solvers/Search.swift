/// One run of ``LagrangianSolver``: best-first branch and bound over ranges of options.
struct Search {
  /// The plans whose options lie in ranges.
  private struct Node {
    var ranges: [ClosedRange<Int>]
    var outcome: Relaxation.Outcome
  }

  private let problem: ChoiceProblem
  private let solver: LagrangianSolver
  private let coarsening: Coarsening
  private let isCoarsened: Bool
  private var relaxation: Relaxation
  private var best: [Int] = []
  private var objective = -Double.infinity
  private var offered = 0

  /// Pairs of options that local search looks at in a round.
  private static let pairMoves = 200_000

  init(_ problem: ChoiceProblem, solver: LagrangianSolver) {
    self.problem = problem
    self.solver = solver
    coarsening = Coarsening(problem, workLimit: solver.workLimit)
    isCoarsened = coarsening.relaxed != problem
    relaxation = Relaxation(coarsening.relaxed)
  }

  mutating func run() -> Solution {
    let all = coarsening.relaxed.utilities.map { 0...($0.count - 1) }
    var closed = -Double.infinity
    for resource in problem.resources.indices { _ = relaxation.cheapest(resource, ranges: all) }
    let none = [Double](repeating: 0, count: problem.resources.count)
    var open = [bound(all, start: none)]
    let root = open[0].outcome
    improve(root.mixture.map(\.choice))
    var nodes = 1
    while let index = mostPromising(open), nodes < solver.nodeLimit,
      relaxation.effort < solver.effortLimit
    {
      let node = open.remove(at: index)
      guard node.outcome.bound > cutoff else { continue }
      guard let parts = split(node) else {
        closed = max(closed, node.outcome.bound)
        continue
      }
      for ranges in parts {
        let part = bound(ranges, start: node.outcome.prices)
        // A part bounds no less tightly than the whole it was cut from.
        var outcome = part.outcome
        outcome.bound = min(outcome.bound, node.outcome.bound)
        if outcome.bound > cutoff { open.append(Node(ranges: ranges, outcome: outcome)) }
        nodes += 1
      }
    }
    let left = open.map(\.outcome.bound).max() ?? -.infinity
    return solution(bound: max(closed, left), prices: root.prices)
  }

  /// Nodes at or below this hold nothing worth looking for.
  private var cutoff: Double {
    objective.isFinite ? objective + solver.tolerance * max(1, abs(objective)) * 0.5 : -.infinity
  }

  private func mostPromising(_ open: [Node]) -> Int? {
    open.indices.max { open[$0].outcome.bound < open[$1].outcome.bound }
  }

  private mutating func bound(_ ranges: [ClosedRange<Int>], start: [Double]) -> Node {
    let outcome = relaxation.bound(ranges: ranges, start: start, cutoff: cutoff)
    for plan in relaxation.plans[offered...] { offer(plan.choice) }
    offered = relaxation.plans.count
    return Node(ranges: ranges, outcome: outcome)
  }

  /// Keeps a plan of the relaxation if it is within the budgets and the best yet.
  private mutating func offer(_ coarse: [Int]) {
    keep(coarsening.representative(coarse, in: problem))
  }

  private mutating func keep(_ choice: [Int]) {
    let utility = problem.utility(of: choice)
    guard utility > objective, problem.allows(choice) else { return }
    (best, objective) = (choice, utility)
  }

  /// Repairs and improves the plans of the root's mixture and the best one.
  private mutating func improve(_ mixture: [[Int]]) {
    let starts = mixture.map { coarsening.representative($0, in: problem) }
    for start in starts + [best] where !start.isEmpty {
      var local = LocalSearch(problem, choice: start)
      guard local.repair() else { continue }
      local.improve(pairMoves: Self.pairMoves)
      keep(local.choice)
    }
  }

  /// Cuts the ranges where the plans of the mixture disagree most in utility.
  private func split(_ node: Node) -> [[ClosedRange<Int>]]? {
    var widest: (spread: Double, variable: Int, cut: Int)?
    for variable in node.ranges.indices where node.ranges[variable].count > 1 {
      let utilities = coarsening.relaxed.utilities[variable]
      var (mean, place) = (0.0, 0.0)
      for (choice, weight) in node.outcome.mixture {
        mean += weight * utilities[choice[variable]]
        place += weight * Double(choice[variable])
      }
      let spread = node.outcome.mixture.reduce(0) { sum, plan in
        sum + plan.weight
          * (abs(utilities[plan.choice[variable]] - mean)
            + 1e-9 * abs(Double(plan.choice[variable]) - place))
      }
      guard spread > 1e-12, spread > (widest?.spread ?? 0) else { continue }
      let range = node.ranges[variable]
      widest = (spread, variable, min(max(Int(place), range.lowerBound), range.upperBound - 1))
    }
    // Where the mixture is one plan and does not close the node, halve the widest range.
    if widest == nil,
      let variable = node.ranges.indices.max(by: { node.ranges[$0].count < node.ranges[$1].count }),
      node.ranges[variable].count > 1
    {
      let range = node.ranges[variable]
      widest = (0, variable, (range.lowerBound + range.upperBound) / 2)
    }
    guard let widest else { return nil }
    var (lower, upper) = (node.ranges, node.ranges)
    lower[widest.variable] = node.ranges[widest.variable].lowerBound...widest.cut
    upper[widest.variable] = (widest.cut + 1)...node.ranges[widest.variable].upperBound
    return [lower, upper]
  }

  private func solution(bound: Double, prices: [Double]) -> Solution {
    guard objective.isFinite else {
      let tightest = problem.resources.indices.map { index in
        (index, solver.leastCost(of: index, in: problem))
      }.max {
        Double($0.1) / problem.resources[$0.0].scale < Double($1.1) / problem.resources[$1.0].scale
      }
      return .infeasible(
        Infeasibility(
          resource: tightest?.0 ?? 0, leastReachable: tightest?.1 ?? 0, isTogether: true,
          isProven: bound == -.infinity), bound: bound, evaluations: relaxation.evaluations)
    }
    // Parts dropped at the cutoff may hold plans better by half the tolerance.
    let proven = max(bound, cutoff)
    let isOptimal = proven - objective <= solver.tolerance * max(1, abs(objective))
    return Solution(
      status: isOptimal ? .optimal : .feasible, choice: best, objective: objective, bound: proven,
      costs: problem.costs(of: best),
      prices: zip(prices, problem.resources).map { $0 / $1.scale },
      evaluations: relaxation.evaluations, isCoarsened: isCoarsened)
  }
}
