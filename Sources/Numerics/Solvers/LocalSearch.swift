/// Brings a choice within the budgets and improves it by moves of one and of two variables; moves of
/// two at once are for problems without joint costs, which the search works on.
struct LocalSearch {
  /// A pair cost as one of its variables sees it.
  private struct Link {
    var resource: Int
    var other: Int
    var pair: Int
    var isFirst: Bool
  }

  let problem: ChoiceProblem
  private(set) var choice: [Int]
  /// `marginals[resource][variable][option]`: the part of the cost that would follow that variable.
  private var marginals: [[[Int64]]] = []
  /// limit − cost of every resource; negative over budget.
  private var slack: [Int64] = []
  private var utility: Double
  /// By variable.
  private let links: [[Link]]
  /// The joint costs of all resources, and by variable those it stands in.
  private let joints: [(resource: Int, cost: JointCost)]
  private let jointsOf: [[Int]]

  init(_ problem: ChoiceProblem, choice: [Int]) {
    self.problem = problem
    self.choice = choice
    utility = problem.utility(of: choice)
    slack = problem.resources.map { $0.limit - $0.cost(of: choice) }
    var links = [[Link]](repeating: [], count: choice.count)
    for (resource, constraint) in problem.resources.enumerated() {
      var table = constraint.unary
      for (place, pair) in constraint.pairs.enumerated() {
        let (a, b) = (pair.first, pair.second)
        links[a].append(Link(resource: resource, other: b, pair: place, isFirst: true))
        links[b].append(Link(resource: resource, other: a, pair: place, isFirst: false))
        pair.costs.addRow(of: choice[b], isSecond: true, times: 1, to: &table[a])
        pair.costs.addRow(of: choice[a], isSecond: false, times: 1, to: &table[b])
      }
      marginals.append(table)
    }
    self.links = links
    joints = problem.resources.enumerated().flatMap { place, resource in
      resource.joints.map { (place, $0) }
    }
    var jointsOf = [[Int]](repeating: [], count: choice.count)
    for (place, joint) in joints.enumerated() {
      for variable in joint.cost.variables { jointsOf[variable].append(place) }
    }
    self.jointsOf = jointsOf
  }

  /// What moving one variable adds to a resource.
  private func change(_ resource: Int, _ variable: Int, to option: Int) -> Int64 {
    var sum =
      marginals[resource][variable][option] - marginals[resource][variable][choice[variable]]
    for place in jointsOf[variable] where joints[place].resource == resource {
      let joint = joints[place].cost
      sum += joint.cost { $0 == variable ? option : choice[$0] } - joint.cost(of: choice)
    }
    return sum
  }

  private func gain(_ variable: Int, to option: Int) -> Double {
    problem.utilities[variable][option] - problem.utilities[variable][choice[variable]]
  }

  private mutating func move(_ variable: Int, to option: Int) {
    utility += gain(variable, to: option)
    for resource in slack.indices { slack[resource] -= change(resource, variable, to: option) }
    let before = choice[variable]
    for link in links[variable] {
      let costs = problem.resources[link.resource].pairs[link.pair].costs
      costs.addRow(
        of: option, isSecond: !link.isFirst, times: 1, to: &marginals[link.resource][link.other])
      costs.addRow(
        of: before, isSecond: !link.isFirst, times: -1, to: &marginals[link.resource][link.other])
    }
    choice[variable] = option
  }

  /// Whether a move of one variable stays within the budgets.
  private func fits(_ variable: Int, _ option: Int) -> Bool {
    for resource in slack.indices where change(resource, variable, to: option) > slack[resource] {
      return false
    }
    return true
  }

  /// The sum of the relative excesses after a move, 0 within the budgets.
  private func excess(_ variable: Int, to option: Int) -> Double {
    var sum = 0.0
    for resource in slack.indices {
      let over = change(resource, variable, to: option) - slack[resource]
      if over > 0 { sum += Double(over) / problem.resources[resource].scale }
    }
    return sum
  }

  /// Takes, until the budgets are met, the move that loses least utility for the excess removed.
  ///
  /// - Returns: Whether the choice is within every budget.
  mutating func repair() -> Bool {
    var current = choice.isEmpty ? 0 : excess(0, to: choice[0])
    while current > 0 {
      var best: (rate: Double, variable: Int, option: Int, excess: Double)?
      for variable in choice.indices {
        for option in problem.utilities[variable].indices where option != choice[variable] {
          let left = excess(variable, to: option)
          guard left < current else { continue }
          let rate = gain(variable, to: option) / (current - left)
          if best.map({ rate > $0.rate }) ?? true { best = (rate, variable, option, left) }
        }
      }
      guard let best else { return false }
      move(best.variable, to: best.option)
      current = best.excess
    }
    return slack.allSatisfy { $0 >= 0 }
  }

  /// Takes, until the budgets are met, the step down that loses least utility for the excess
  /// removed: of every variable, to the next lower option that removes any.
  ///
  /// - Returns: Whether the choice is within every budget.
  mutating func descend() -> Bool {
    var current = choice.isEmpty ? 0 : excess(0, to: choice[0])
    while current > 0 {
      var best: (rate: Double, variable: Int, option: Int, excess: Double)?
      for variable in choice.indices {
        for option in (0..<choice[variable]).reversed() {
          let left = excess(variable, to: option)
          guard left < current else { continue }
          let rate = gain(variable, to: option) / (current - left)
          if best.map({ rate > $0.rate }) ?? true { best = (rate, variable, option, left) }
          break
        }
      }
      guard let best else { return false }
      move(best.variable, to: best.option)
      current = best.excess
    }
    return slack.allSatisfy { $0 >= 0 }
  }

  /// Takes improving moves of one variable, then of two, until there is none.
  ///
  /// - Parameter pairMoves: The most pairs of options looked at in a round; nearer ones first.
  mutating func improve(pairMoves: Int) {
    repeat { improveByOne() } while improveTwo(limit: pairMoves)
  }

  private var threshold: Double { 1e-12 * (1 + abs(utility)) }

  /// Takes the best improving move of one variable until there is none.
  mutating func improveByOne() {
    while true {
      var best: (gain: Double, variable: Int, option: Int)?
      for variable in choice.indices {
        for option in problem.utilities[variable].indices {
          let gain = gain(variable, to: option)
          guard gain > (best?.gain ?? threshold), fits(variable, option) else { continue }
          best = (gain, variable, option)
        }
      }
      guard let best else { return }
      move(best.variable, to: best.option)
    }
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
          move(a, to: pair.0)
          move(b, to: pair.1)
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
    let shared = links[a].filter { $0.other == b }
    let (optionsA, optionsB) = (options(a, within: reach), options(b, within: reach))
    guard let most = optionsB.map({ gain(b, to: $0) }).max() else { return nil }
    var best: (gain: Double, options: (Int, Int))?
    for i in optionsA where i != choice[a] {
      let first = gain(a, to: i)
      guard first + most > (best?.gain ?? threshold) else { continue }
      for j in optionsB where j != choice[b] {
        let total = first + gain(b, to: j)
        guard total > (best?.gain ?? threshold) else { continue }
        let fits = slack.indices.allSatisfy { resource in
          var added = change(resource, a, to: i) + change(resource, b, to: j)
          for link in shared where link.resource == resource {
            added += interaction(link, i, j)
          }
          return added <= slack[resource]
        }
        if fits { best = (total, (i, j)) }
      }
    }
    return best?.options
  }

  /// What two moves together add to a pair cost beyond the sum of each alone.
  private func interaction(_ link: Link, _ i: Int, _ j: Int) -> Int64 {
    let pair = problem.resources[link.resource].pairs[link.pair]
    let (i0, j0) = (choice[pair.first], choice[pair.second])
    let (i, j) = link.isFirst ? (i, j) : (j, i)
    return pair.costs[i, j] - pair.costs[i, j0] - pair.costs[i0, j] + pair.costs[i0, j0]
  }
}

extension PairTable {
  /// Adds the costs at one option of one variable, times ±1, to a row over the other's options.
  fileprivate func addRow(
    of option: Int, isSecond: Bool, times sign: Int64, to row: inout [Int64]
  ) {
    switch self {
    case .product(let first, let second):
      let (factor, vector) = isSecond ? (second[option], first) : (first[option], second)
      for place in row.indices { row[place] += sign * factor * vector[place] }
    case .table(let rows):
      for place in row.indices {
        row[place] += sign * (isSecond ? rows[place][option] : rows[option][place])
      }
    }
  }
}
