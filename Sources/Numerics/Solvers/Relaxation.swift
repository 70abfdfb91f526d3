/// The Lagrangian bounds of a problem and of parts of it, by Kelley's cutting planes.
///
/// At prices λ the dynamic programme gives max_x u(x) + Σ λ_k (B_k − c_k(x)), an upper bound for
/// every plan within the budgets. The master programme over the plans met so far proposes prices;
/// when the bound meets the master's value, no prices give a better one.
///
/// The limits enter only through Σ λ_k B_k, so that prices tried for one set of limits bound the
/// plans for every other: what is learnt serves all budgets of one problem.
struct Relaxation {
  /// A plan met on the way.
  struct Plan {
    var choice: [Int]
    var utility: Double
    var costs: [Int64]
  }

  /// Prices that were tried on the whole problem, and the plan that is best at them.
  private struct Cut {
    var plan: Int
    var prices: [Double]
  }

  /// What is known about the plans within some ranges of options.
  struct Outcome {
    /// An upper bound; −∞ where the ranges hold no plan within the budgets.
    var bound: Double
    /// Per scaled unit of every resource.
    var prices: [Double]
    /// The mixture of plans that attains the bound.
    var mixture: [(choice: [Int], weight: Double)]
    /// The places in the pool of the plans that the master programme knew: of parts of the problem,
    /// all those met within the ranges.
    var members: [Int] = []
  }

  let problem: ChoiceProblem
  /// The budgets that bounds are for.
  var limits: [Int64]
  /// What costs are divided by before prices are set on them.
  let scales: [Double]
  private let whole: [ClosedRange<Int>]
  private var programme: TreeProgramme
  private var pool: [Plan] = []
  private var places: [[Int]: Int] = [:]
  private var cuts: [Cut] = []
  private(set) var evaluations = 0

  /// The most plans of earlier budgets that a master programme begins with.
  private static let startingPlans = 24

  init(_ problem: ChoiceProblem) {
    self.problem = problem
    limits = problem.resources.map(\.limit)
    scales = problem.resources.map(\.scale)
    whole = problem.utilities.map { 0...($0.count - 1) }
    programme = TreeProgramme(problem)
  }

  /// Sums formed so far.
  var effort: Double { Double(evaluations) * programme.work }

  /// Every plan met so far, in the order they were met.
  var plans: [Plan] { pool }

  /// The plan that takes least of one resource: exact, whatever it takes of the others.
  mutating func cheapest(_ resource: Int) -> Plan {
    var prices = [Double](repeating: 0, count: scales.count)
    prices[resource] = scales[resource]
    return pool[evaluate(utilityWeight: 0, prices: prices, ranges: whole)]
  }

  /// Bounds the plans within `ranges`.
  ///
  /// - Parameters:
  ///   - start: The first prices to try; nil for those that bound best so far.
  ///   - among: Where the plans met within `ranges` are in the pool, among others; nil for anywhere.
  ///   - cutoff: Stops as soon as the bound is not above this utility.
  ///   - precision: Stops this close to the best bound there is, as a share of it.
  mutating func bound(
    ranges: [ClosedRange<Int>], start: [Double]?, among: [Int]? = nil, cutoff: Double,
    precision: Double = 0
  ) -> Outcome {
    let reach = utilityReach(ranges)
    var master = MasterProgramme(
      resourceCount: scales.count, penalty: 10 * max(reach.upper - reach.lower, 1e-3))
    let known = nearest(ranges, among: among)
    for member in known.plans { master.add(column(pool[member])) }
    var outcome = Outcome(
      bound: known.bound, prices: known.prices, mixture: [], members: known.plans)
    var prices = start ?? known.prices
    if start == nil, known.bound < .infinity, !known.plans.isEmpty {
      let result = master.solve()
      outcome.mixture = result.weights.map { (pool[known.plans[$0.column]].choice, $0.weight) }
      if outcome.bound <= cutoff || isClose(outcome.bound, result, precision) { return outcome }
      prices = result.prices
    }
    for _ in 0..<(60 + 60 * scales.count) {
      let place = evaluate(utilityWeight: 1, prices: prices, ranges: ranges)
      let bound = lagrangian(pool[place], prices: prices)
      if bound < outcome.bound { (outcome.bound, outcome.prices) = (bound, prices) }
      // Below the worst utility there is no plan at all.
      if outcome.bound < reach.lower {
        return Outcome(bound: -.infinity, prices: prices, mixture: [])
      }
      let isNew = !outcome.members.contains(place)
      if isNew {
        outcome.members.append(place)
        master.add(column(pool[place]))
      }
      if outcome.bound <= cutoff, !outcome.mixture.isEmpty || cutoff == -.infinity {
        return outcome
      }
      var result = master.solve()
      outcome.mixture = result.weights.map {
        (pool[outcome.members[$0.column]].choice, $0.weight)
      }
      if outcome.bound <= cutoff || isClose(outcome.bound, result, precision) { return outcome }
      if outcome.bound - result.value <= 1e-10 * (1 + abs(result.value)) {
        // A mixture that pays the penalty instead of keeping the budget asks for a higher one.
        guard result.isOverBudget, master.penalty < 1e9 * (1 + reach.upper - reach.lower) else {
          break
        }
        master.penalty *= 100
        result = master.solve()
      } else if !isNew, result.prices == prices {
        break
      }
      prices = result.prices
    }
    return outcome
  }

  /// The best plan at some prices; nothing is remembered of it.
  mutating func best(at prices: [Double], ranges: [ClosedRange<Int>]) -> [Int] {
    programme.maximise(utilityWeight: 1, prices: prices, ranges: ranges)
  }

  /// The bound that some prices give for the plans within ranges; nothing is remembered of it.
  mutating func bound(at prices: [Double], ranges: [ClosedRange<Int>]) -> Double {
    let choice = best(at: prices, ranges: ranges)
    return lagrangian(
      Plan(choice: choice, utility: problem.utility(of: choice), costs: problem.costs(of: choice)),
      prices: prices)
  }

  /// What every option of a variable is worth less than a choice's, at some prices, the others as
  /// they are.
  func losses(_ variable: Int, around choice: [Int], prices: [Double]) -> [Double] {
    var values = problem.utilities[variable]
    for (index, resource) in problem.resources.enumerated() where prices[index] != 0 {
      let price = prices[index] / scales[index]
      for option in values.indices {
        values[option] -= price * Double(resource.unary[variable][option])
      }
      for pair in resource.pairs where pair.first == variable || pair.second == variable {
        for option in values.indices {
          let cost =
            pair.first == variable
            ? pair.costs[option, choice[pair.second]] : pair.costs[choice[pair.first], option]
          values[option] -= price * Double(cost)
        }
      }
    }
    return values.map { values[choice[variable]] - $0 }
  }

  /// Whether a bound is near enough to the mixture that no bound can come below.
  private func isClose(
    _ bound: Double, _ result: MasterProgramme.Result, _ precision: Double
  ) -> Bool {
    !result.isOverBudget && bound - result.value < precision * abs(result.value)
  }

  /// The plans to begin with, and the best bound that earlier prices give.
  private func nearest(_ ranges: [ClosedRange<Int>], among: [Int]?) -> (
    plans: [Int], bound: Double, prices: [Double]
  ) {
    let none = [Double](repeating: 0, count: scales.count)
    guard ranges == whole else {
      let inside = (among ?? Array(pool.indices)).filter { index in
        zip(pool[index].choice, ranges).allSatisfy { $1.contains($0) }
      }
      return (inside, .infinity, none)
    }
    let ranked = cuts.map { (bound: lagrangian(pool[$0.plan], prices: $0.prices), cut: $0) }
      .sorted { $0.bound < $1.bound }
    // The cheapest plans come first in the pool: with them some mixture keeps most budgets.
    var members = Array(pool.indices.prefix(scales.count))
    for entry in ranked.prefix(Self.startingPlans) where !members.contains(entry.cut.plan) {
      members.append(entry.cut.plan)
    }
    return (members, ranked.first?.bound ?? .infinity, ranked.first?.cut.prices ?? none)
  }

  private func column(_ plan: Plan) -> MasterProgramme.Column {
    .init(
      utility: plan.utility,
      excess: scales.indices.map { Double(plan.costs[$0] - limits[$0]) / scales[$0] })
  }

  /// u(x) + Σ λ_k (B_k − c_k(x)), raised by what rounding may have taken away.
  private func lagrangian(_ plan: Plan, prices: [Double]) -> Double {
    var value = plan.utility
    var magnitude = abs(value)
    for resource in scales.indices {
      let excess = Double(plan.costs[resource] - limits[resource]) / scales[resource]
      value -= prices[resource] * excess
      magnitude += prices[resource] * (abs(excess) + 1)
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

  /// The place in the pool of the best plan at given prices.
  private mutating func evaluate(
    utilityWeight: Double, prices: [Double], ranges: [ClosedRange<Int>]
  ) -> Int {
    evaluations += 1
    let choice = programme.maximise(utilityWeight: utilityWeight, prices: prices, ranges: ranges)
    let place = places[choice] ?? pool.count
    if place == pool.count {
      places[choice] = place
      pool.append(
        Plan(
          choice: choice, utility: problem.utility(of: choice), costs: problem.costs(of: choice)))
    }
    if utilityWeight == 1, ranges == whole { cuts.append(Cut(plan: place, prices: prices)) }
    return place
  }
}
