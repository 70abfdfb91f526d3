import TestSupport

@testable import Solvers

/// A random problem small enough to try every plan.
func randomProblem(
  seed: UInt64, variables: Int, options: Int, edges: Int, resources: Int, tightness: Double = 0.5
) -> ChoiceProblem {
  var random = SeededGenerator(seed: seed)
  let counts = (0..<variables).map { _ in Int.random(in: 1...options, using: &random) }
  let utilities = counts.map { count in
    (0..<count).map { _ in Double.random(in: -1...1, using: &random) }
  }
  let pairs = (0..<edges).map { _ in
    let first = Int.random(in: 0..<variables, using: &random)
    return (first, (first + Int.random(in: 1..<variables, using: &random)) % variables)
  }
  var problem = ChoiceProblem(utilities: utilities, resources: [])
  for index in 0..<resources {
    let unary = counts.map { count in
      (0..<count).map { _ in Int64.random(in: 0...50, using: &random) }
    }
    let costs = pairs.enumerated().map { place, pair in
      let (a, b) = (counts[pair.0], counts[pair.1])
      let table: PairTable =
        place % 2 == 0
        ? .product(
          first: (0..<a).map { _ in Int64.random(in: 0...9, using: &random) },
          second: (0..<b).map { _ in Int64.random(in: 0...9, using: &random) })
        : .table(
          rows: (0..<a).map { _ in (0..<b).map { _ in Int64.random(in: 0...80, using: &random) } })
      return PairCost(first: pair.0, second: pair.1, costs: table)
    }
    var resource = ResourceConstraint(
      name: "r\(index)", limit: 0, constant: 7, unary: unary, pairs: costs)
    let all = allChoices(counts).map(resource.cost)
    let (least, most) = (all.min() ?? 0, all.max() ?? 0)
    resource.limit = least + Int64(tightness * Double(most - least))
    problem.resources.append(resource)
  }
  return problem
}

/// Every plan.
func allChoices(_ counts: [Int]) -> [[Int]] {
  counts.reduce([[]]) { plans, count in plans.flatMap { plan in (0..<count).map { plan + [$0] } } }
}
