import TestSupport

@testable import Solvers

/// A random problem of the form networks have: options are widths, and costs products of two.
func networkLikeProblem(
  seed: UInt64, variables: Int, options: Int, edges: Int, resources: Int, tightness: Double = 0.5
) -> ChoiceProblem {
  var random = SeededGenerator(seed: seed)
  let step = Int64.random(in: 1...8, using: &random)
  let widths = (0..<variables).map { _ in
    (1...Int.random(in: 1...options, using: &random)).map { Int64($0) * step }
  }
  let pairs = (0..<edges).map { _ in
    let first = Int.random(in: 0..<variables, using: &random)
    return (first, (first + Int.random(in: 1..<variables, using: &random)) % variables)
  }
  var problem = ChoiceProblem(
    utilities: widths.map { $0.map { _ in Double.random(in: -1...1, using: &random) } },
    resources: [])
  for index in 0..<resources {
    var resource = ResourceConstraint(
      name: "r\(index)", limit: 0, constant: 5,
      unary: widths.map { row in
        let factor = Int64.random(in: 0...20, using: &random)
        return row.map { $0 * factor }
      },
      pairs: pairs.map { pair in
        let factor = Int64.random(in: 0...9, using: &random)
        return PairCost(
          first: pair.0, second: pair.1,
          costs: .product(first: widths[pair.0].map { $0 * factor }, second: widths[pair.1]))
      })
    let all = allChoices(widths.map(\.count)).map(resource.cost)
    let (least, most) = (all.min() ?? 0, all.max() ?? 0)
    resource.limit = least + Int64(tightness * Double(most - least))
    problem.resources.append(resource)
  }
  return problem
}
