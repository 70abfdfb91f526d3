/// Runs of ``LagrangianSolver`` on one problem: best-first branch and bound over ranges of options,
/// for one set of limits after the other. What a run learns serves the next.
struct Search {
  /// The plans whose options lie in ranges.
  struct Node {
    var ranges: [ClosedRange<Int>]
    var outcome: Relaxation.Outcome
  }

  struct Candidate {
    var choice: [Int]
    var utility: Double
    var costs: [Int64]
  }

  private(set) var problem: ChoiceProblem
  var solver: LagrangianSolver
  let coarsening: Coarsening
  private let isCoarsened: Bool
  private let whole: [ClosedRange<Int>]
  /// The least value of every resource, whatever a plan takes of the others.
  private let least: [Int64]
  var relaxation: Relaxation
  /// Plans of the problem that were met under any limits, each once.
  private var candidates: [Candidate] = []
  private var known: Set<[Int]> = []
  private var offered = 0
  /// The best plans within the limits, best first.
  private(set) var best: [Candidate] = []
  /// How many plans are asked for.
  private var count = 1
  /// An upper bound for the parts that are dealt with.
  var closed = -Double.infinity

  /// Pairs of options that local search looks at in a round.
  private static let pairMoves = 200_000

  init(_ problem: ChoiceProblem, solver: LagrangianSolver) {
    self.problem = problem
    self.solver = solver
    coarsening = Coarsening(problem, workLimit: solver.workLimit)
    isCoarsened = coarsening.relaxed != problem
    whole = coarsening.relaxed.utilities.map { 0...($0.count - 1) }
    var relaxation = Relaxation(coarsening.relaxed)
    least = problem.resources.indices.map { relaxation.cheapest($0).costs[$0] }
    self.relaxation = relaxation
  }

  /// The best plans within `limits`, at most `count`.
  mutating func run(limits: [Int64], count: Int) -> [Solution] {
    let before = relaxation.evaluations
    for (index, limit) in limits.enumerated() { problem.resources[index].limit = limit }
    relaxation.limits = limits
    self.count = count
    (best, closed) = ([], -.infinity)
    for index in limits.indices where least[index] > limits[index] {
      let reason = Infeasibility(
        resource: index, leastReachable: least[index], isTogether: false, isProven: true)
      return [.infeasible(reason, evaluations: relaxation.evaluations - before)]
    }
    for candidate in candidates { offer(candidate) }
    offerPool()
    let root = bound(whole, start: nil)
    if root.outcome.bound > target { improve(root.outcome) }
    if count > 1 { addNeighbours() }
    let isDeep = count == 1 && solver.nodeLimit > 2 && root.outcome.bound > target
    let left = (isDeep ? solveNarrowed(root) : nil) ?? branch(from: root)
    return solutions(
      bound: max(closed, left), prices: root.outcome.prices,
      evaluations: relaxation.evaluations - before)
  }

  /// Splits parts of the plans until the bound is met or the effort spent.
  ///
  /// - Returns: An upper bound for the parts that are left.
  private mutating func branch(from root: Node) -> Double {
    var open = [root]
    var nodes = 1
    let start = relaxation.effort
    while let index = open.indices.max(by: { open[$0].outcome.bound < open[$1].outcome.bound }),
      nodes < solver.nodeLimit, relaxation.effort - start < solver.effortLimit
    {
      let node = open.remove(at: index)
      guard node.outcome.bound > target, let parts = split(node) else {
        closed = max(closed, node.outcome.bound)
        continue
      }
      for ranges in parts {
        // Parts do not overlap: what was met within one was met within what it was cut from.
        var part = bound(
          ranges, start: node.outcome.prices,
          among: node.ranges == whole ? nil : node.outcome.members)
        // A part bounds no less tightly than the whole it was cut from.
        part.outcome.bound = min(part.outcome.bound, node.outcome.bound)
        if part.outcome.bound > target {
          open.append(part)
        } else {
          closed = max(closed, part.outcome.bound)
        }
        nodes += 1
      }
    }
    return open.map(\.outcome.bound).max() ?? -.infinity
  }

  /// Parts with no better bound hold nothing worth looking for.
  var target: Double {
    guard best.count == count, let last = best.last?.utility else { return -.infinity }
    return last + max(solver.tolerance * max(1, abs(last)) * 0.5, solver.targetGap * abs(last))
  }

  private mutating func bound(
    _ ranges: [ClosedRange<Int>], start: [Double]?, among: [Int]? = nil
  ) -> Node {
    let outcome = relaxation.bound(
      ranges: ranges, start: start, among: among, cutoff: target,
      precision: solver.targetGap / 4)
    offerPool()
    return Node(ranges: ranges, outcome: outcome)
  }

  /// Takes the plans that the relaxation has met since the last time.
  private mutating func offerPool() {
    for plan in relaxation.plans[offered...] {
      meet(coarsening.representative(plan.choice, in: problem))
    }
    offered = relaxation.plans.count
  }

  mutating func meet(_ choice: [Int]) {
    guard known.insert(choice).inserted else { return }
    let candidate = Candidate(
      choice: choice, utility: problem.utility(of: choice), costs: problem.costs(of: choice))
    candidates.append(candidate)
    offer(candidate)
  }

  /// Keeps a plan if it is within the limits and among the best.
  private mutating func offer(_ candidate: Candidate) {
    if best.count == count, candidate.utility <= best[count - 1].utility { return }
    guard zip(candidate.costs, problem.resources).allSatisfy({ $0 <= $1.limit }) else { return }
    let place = best.firstIndex { $0.utility < candidate.utility } ?? best.count
    best.insert(candidate, at: place)
    if best.count > count { best.removeLast() }
  }

  /// Repairs and improves the plans of the root's mixture and the best one, until one is good.
  private mutating func improve(_ root: Relaxation.Outcome) {
    let starts = root.mixture.map { coarsening.representative($0.choice, in: problem) }
    for start in starts + best.prefix(1).map(\.choice) {
      var local = LocalSearch(problem, choice: start)
      guard local.repair() else { continue }
      local.improveByOne()
      meet(local.choice)
      if root.bound <= target { return }
    }
    for start in best.prefix(2).map(\.choice) {
      var local = LocalSearch(problem, choice: start)
      local.improve(pairMoves: Self.pairMoves)
      meet(local.choice)
      if root.bound <= target { return }
    }
  }

  /// Plans a step or two from the best one: where several plans are asked for, most lie there.
  private mutating func addNeighbours() {
    guard let centre = best.first?.choice else { return }
    func stepped(_ choice: [Int], _ variable: Int, _ step: Int) -> [Int]? {
      var result = choice
      result[variable] += step
      return problem.utilities[variable].indices.contains(result[variable]) ? result : nil
    }
    for a in centre.indices {
      for step in [-1, 1] {
        guard let one = stepped(centre, a, step) else { continue }
        meet(one)
        for b in centre.indices where b != a {
          if let two = stepped(one, b, -step) { meet(two) }
        }
      }
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

  private func solutions(bound: Double, prices: [Double], evaluations: Int) -> [Solution] {
    guard !best.isEmpty else {
      let tightest = problem.resources.indices.max {
        Double(least[$0]) / problem.resources[$0].scale
          < Double(least[$1]) / problem.resources[$1].scale
      }
      return [
        .infeasible(
          Infeasibility(
            resource: tightest ?? 0, leastReachable: tightest.map { least[$0] } ?? 0,
            isTogether: true, isProven: bound == -.infinity), bound: bound,
          evaluations: evaluations)
      ]
    }
    return best.map { plan in
      // Parts dropped at the target may hold plans better by half the tolerance.
      let proven = max(bound, plan.utility)
      let isOptimal = proven - plan.utility <= solver.tolerance * max(1, abs(plan.utility))
      return Solution(
        status: isOptimal ? .optimal : .feasible, choice: plan.choice, objective: plan.utility,
        bound: proven, costs: plan.costs, prices: zip(prices, relaxation.scales).map { $0 / $1 },
        evaluations: evaluations, isCoarsened: isCoarsened)
    }
  }
}
