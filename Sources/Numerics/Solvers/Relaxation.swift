/// The Lagrangian bound of a problem and of parts of it, by Kelley's cutting planes.
///
/// At prices λ the dynamic programme gives max_x u(x) + Σ λ_k (B_k − c_k(x)), an upper bound for
/// every plan within the budgets. The master programme over the plans met so far proposes prices;
/// when the bound meets the master's value, no prices give a better one.
struct Relaxation {
  /// A plan met on the way.
  struct Plan {
    var choice: [Int]
    var utility: Double
    /// (cost − limit) / scale of every resource.
    var excess: [Double]
  }

  /// What is known about the plans within some ranges of options.
  struct Outcome {
    /// An upper bound; −∞ where the ranges hold no plan within the budgets.
    var bound: Double
    var prices: [Double]
    /// The mixture of plans that attains the bound.
    var mixture: [(choice: [Int], weight: Double)]
  }

  let problem: ChoiceProblem
  private var programme: TreeProgramme
  private var pool: [Plan] = []
  private var seen: Set<[Int]> = []
  private(set) var evaluations = 0

  init(_ problem: ChoiceProblem) {
    self.problem = problem
    programme = TreeProgramme(problem)
  }

  /// Sums formed so far.
  var effort: Double { Double(evaluations) * programme.work }

  /// Every plan met so far, in the order they were met.
  var plans: [Plan] { pool }

  /// The plan that takes least of one resource: exact, whatever it takes of the others.
  mutating func cheapest(_ resource: Int, ranges: [ClosedRange<Int>]) -> Plan {
    var prices = [Double](repeating: 0, count: problem.resources.count)
    prices[resource] = problem.resources[resource].scale
    return evaluate(utilityWeight: 0, prices: prices, ranges: ranges)
  }

  /// The greatest utility at given prices.
  mutating func best(prices: [Double], ranges: [ClosedRange<Int>]) -> Plan {
    evaluate(utilityWeight: 1, prices: prices, ranges: ranges)
  }

  /// Bounds the plans within `ranges`.
  ///
  /// - Parameters:
  ///   - start: The first prices to try.
  ///   - cutoff: Stops as soon as the bound is not above this utility.
  mutating func bound(ranges: [ClosedRange<Int>], start: [Double], cutoff: Double) -> Outcome {
    let reach = utilityReach(ranges)
    var master = MasterProgramme(
      resourceCount: problem.resources.count, penalty: 10 * max(reach.upper - reach.lower, 1e-3))
    var members = pool.indices.filter { index in
      zip(pool[index].choice, ranges).allSatisfy { $1.contains($0) }
    }
    for member in members {
      master.add(.init(utility: pool[member].utility, excess: pool[member].excess))
    }
    var outcome = Outcome(bound: .infinity, prices: start, mixture: [])
    var prices = start
    for _ in 0..<(60 + 60 * problem.resources.count) {
      let known = pool.count
      let plan = evaluate(utilityWeight: 1, prices: prices, ranges: ranges)
      let bound = lagrangian(plan, prices: prices)
      if bound < outcome.bound { (outcome.bound, outcome.prices) = (bound, prices) }
      // Below the worst utility there is no plan at all.
      if outcome.bound < reach.lower {
        return Outcome(bound: -.infinity, prices: prices, mixture: [])
      }
      if outcome.bound <= cutoff { return outcome }
      if pool.count > known {
        members.append(known)
        master.add(.init(utility: plan.utility, excess: plan.excess))
      }
      var result = master.solve()
      outcome.mixture = result.weights.map { (pool[members[$0.column]].choice, $0.weight) }
      if outcome.bound - result.value <= 1e-10 * (1 + abs(result.value)) {
        // A mixture that pays the penalty instead of keeping the budget asks for a higher one.
        guard result.isOverBudget, master.penalty < 1e9 * (1 + reach.upper - reach.lower) else {
          break
        }
        master.penalty *= 100
        result = master.solve()
      } else if pool.count == known, result.prices == prices {
        break
      }
      prices = result.prices
    }
    return outcome
  }

  /// u(x) + Σ λ_k (B_k − c_k(x)), raised by what rounding may have taken away.
  private func lagrangian(_ plan: Plan, prices: [Double]) -> Double {
    var value = plan.utility
    var magnitude = abs(value)
    for (price, excess) in zip(prices, plan.excess) {
      value -= price * excess
      magnitude += price * (abs(excess) + 1)
    }
    return value + 1e-14 * Double(problem.utilities.count) * magnitude
  }

  private func utilityReach(_ ranges: [ClosedRange<Int>]) -> (lower: Double, upper: Double) {
    var (lower, upper) = (0.0, 0.0)
    for (utilities, range) in zip(problem.utilities, ranges) {
      lower += utilities[range].min() ?? 0
      upper += utilities[range].max() ?? 0
    }
    // Room for the rounding of both sums and of the bound they are compared with.
    return (lower - 1e-12 * (abs(lower) + abs(upper)), upper)
  }

  private mutating func evaluate(
    utilityWeight: Double, prices: [Double], ranges: [ClosedRange<Int>]
  ) -> Plan {
    evaluations += 1
    let choice = programme.maximise(utilityWeight: utilityWeight, prices: prices, ranges: ranges)
    let excess = problem.resources.map { resource in
      Double(resource.cost(of: choice) - resource.limit) / resource.scale
    }
    let plan = Plan(choice: choice, utility: problem.utility(of: choice), excess: excess)
    if seen.insert(choice).inserted { pool.append(plan) }
    return plan
  }
}
