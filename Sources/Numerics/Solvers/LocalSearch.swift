/// Brings a choice within the budgets and improves it by moves of one and of two variables.
struct LocalSearch {
  let problem: ChoiceProblem
  private(set) var choice: [Int]
  /// `marginals[resource][variable][option]`: the part of the cost that would follow that variable.
  private var marginals: [[[Int64]]] = []
  /// limit − cost of every resource; negative over budget.
  private var slack: [Int64] = []
  private let joined: [[Int]]

  init(_ problem: ChoiceProblem, choice: [Int]) {
    self.problem = problem
    self.choice = choice
    var joined = [Set<Int>](repeating: [], count: choice.count)
    for resource in problem.resources {
      for pair in resource.pairs {
        joined[pair.first].insert(pair.second)
        joined[pair.second].insert(pair.first)
      }
    }
    self.joined = joined.map { $0.sorted() }
    refresh()
  }

  private mutating func refresh() {
    slack = problem.resources.map { $0.limit - $0.cost(of: choice) }
    marginals = problem.resources.map { resource in
      var table = resource.unary
      for pair in resource.pairs {
        let (a, b) = (pair.first, pair.second)
        for i in table[a].indices { table[a][i] += pair.costs[i, choice[b]] }
        for j in table[b].indices { table[b][j] += pair.costs[choice[a], j] }
      }
      return table
    }
  }

  /// What moving one variable adds to a resource.
  private func change(_ resource: Int, _ variable: Int, to option: Int) -> Int64 {
    marginals[resource][variable][option] - marginals[resource][variable][choice[variable]]
  }

  private func gain(_ variable: Int, to option: Int) -> Double {
    problem.utilities[variable][option] - problem.utilities[variable][choice[variable]]
  }

  private mutating func move(_ variable: Int, to option: Int) {
    choice[variable] = option
    refresh()
  }

  /// The sum of the relative excesses, 0 within the budgets.
  private func excess(after changes: (Int) -> Int64) -> Double {
    problem.resources.indices.reduce(0) { sum, resource in
      let over = changes(resource) - slack[resource]
      return sum + Double(max(0, over)) / problem.resources[resource].scale
    }
  }

  /// Takes, until the budgets are met, the move that loses least utility for the excess removed.
  ///
  /// - Returns: Whether the choice is within every budget.
  mutating func repair() -> Bool {
    var current = excess { _ in 0 }
    while current > 0 {
      var best: (rate: Double, variable: Int, option: Int, excess: Double)?
      for variable in choice.indices {
        for option in problem.utilities[variable].indices where option != choice[variable] {
          let left = excess { change($0, variable, to: option) }
          guard left < current else { continue }
          let rate = gain(variable, to: option) / (current - left)
          if best.map({ rate > $0.rate }) ?? true { best = (rate, variable, option, left) }
        }
      }
      guard let best else { return false }
      move(best.variable, to: best.option)
      current = best.excess
    }
    return true
  }

  /// Takes improving moves of one variable, then of two, until there is none.
  ///
  /// - Parameter pairMoves: The most pairs of options looked at in a round; nearer ones first.
  mutating func improve(pairMoves: Int) {
    while improveOne() || improveTwo(limit: pairMoves) {}
  }

  private var threshold: Double { 1e-12 * (1 + abs(problem.utility(of: choice))) }

  private mutating func improveOne() -> Bool {
    var best: (gain: Double, variable: Int, option: Int)?
    for variable in choice.indices {
      for option in problem.utilities[variable].indices {
        let gain = gain(variable, to: option)
        guard gain > (best?.gain ?? threshold) else { continue }
        let fits = problem.resources.indices.allSatisfy {
          change($0, variable, to: option) <= slack[$0]
        }
        if fits { best = (gain, variable, option) }
      }
    }
    guard let best else { return false }
    move(best.variable, to: best.option)
    return true
  }

  private mutating func improveTwo(limit: Int) -> Bool {
    let count = choice.count
    guard count > 1 else { return false }
    let perPair = Double(limit) / Double(count * (count - 1) / 2)
    let reach = max(2, Int((perPair.squareRoot() - 1) / 2))
    var hasImproved = false
    for a in 0..<count {
      for b in (a + 1)..<count {
        if let pair = bestPair(a, b, reach: reach) {
          choice[a] = pair.0
          choice[b] = pair.1
          refresh()
          hasImproved = true
        }
      }
    }
    return hasImproved
  }

  private func options(_ variable: Int, within reach: Int) -> Range<Int> {
    let count = problem.utilities[variable].count
    return max(0, choice[variable] - reach)..<min(count, choice[variable] + reach + 1)
  }

  private func bestPair(_ a: Int, _ b: Int, reach: Int) -> (Int, Int)? {
    let areJoined = joined[a].contains(b)
    let (optionsA, optionsB) = (options(a, within: reach), options(b, within: reach))
    guard let most = optionsB.map({ gain(b, to: $0) }).max() else { return nil }
    var best: (gain: Double, options: (Int, Int))?
    for i in optionsA where i != choice[a] {
      let first = gain(a, to: i)
      guard first + most > (best?.gain ?? threshold) else { continue }
      for j in optionsB where j != choice[b] {
        let total = first + gain(b, to: j)
        guard total > (best?.gain ?? threshold) else { continue }
        let fits = problem.resources.indices.allSatisfy { resource in
          var added = change(resource, a, to: i) + change(resource, b, to: j)
          if areJoined { added += interaction(resource, (a, i), (b, j)) }
          return added <= slack[resource]
        }
        if fits { best = (total, (i, j)) }
      }
    }
    return best?.options
  }

  /// What two moves together add beyond the sum of each alone.
  private func interaction(_ resource: Int, _ a: (Int, Int), _ b: (Int, Int)) -> Int64 {
    var sum: Int64 = 0
    for pair in problem.resources[resource].pairs {
      let isForward = (pair.first, pair.second) == (a.0, b.0)
      guard isForward || (pair.first, pair.second) == (b.0, a.0) else { continue }
      let (i, j) = isForward ? (a.1, b.1) : (b.1, a.1)
      let (i0, j0) = (choice[pair.first], choice[pair.second])
      sum += pair.costs[i, j] - pair.costs[i, j0] - pair.costs[i0, j] + pair.costs[i0, j0]
    }
    return sum
  }
}
