/// A problem with neighbouring options put together, so that its tables fit.
///
/// A cell of options has the greatest utility and the least cost of its members. Every plan of the
/// problem is therefore a plan of the coarse one, at least as good and at most as costly: a bound
/// of the coarse problem bounds the problem itself.
struct Coarsening {
  /// `cells[variable][cell]`: the options of the problem in the cell.
  private(set) var cells: [[Range<Int>]]
  private(set) var relaxed: ChoiceProblem

  /// - Parameter workLimit: The most sums one evaluation of the dynamic programme may form.
  init(_ problem: ChoiceProblem, workLimit: Double) {
    cells = problem.utilities.map { $0.indices.map { $0..<($0 + 1) } }
    relaxed = problem
    let edges = JoinedCosts(problem).edges
    var counts = problem.utilities.map(\.count)
    var order = EliminationOrder(counts: counts, edges: edges)
    while order.work(counts: counts) > workLimit {
      let heaviest = order.steps.max { order.work($0, counts) < order.work($1, counts) }
      let members = heaviest.map { [$0.variable] + $0.separator } ?? []
      guard let widest = members.max(by: { counts[$0] < counts[$1] }), counts[widest] > 2 else {
        break
      }
      cells[widest] = stride(from: 0, to: counts[widest], by: 2).map { index in
        let last = min(index + 1, counts[widest] - 1)
        return cells[widest][index].lowerBound..<cells[widest][last].upperBound
      }
      counts[widest] = cells[widest].count
      order = EliminationOrder(counts: counts, edges: edges)
    }
    if counts != problem.utilities.map(\.count) { relaxed = relax(problem) }
  }

  /// A plan of the problem for one of the coarse problem: the worthiest option of every cell.
  func representative(_ choice: [Int], in problem: ChoiceProblem) -> [Int] {
    choice.indices.map { variable in
      let cell = cells[variable][choice[variable]]
      let utilities = problem.utilities[variable]
      return cell.dropFirst().reduce(cell.lowerBound) { utilities[$1] > utilities[$0] ? $1 : $0 }
    }
  }

  private func relax(_ problem: ChoiceProblem) -> ChoiceProblem {
    func least(_ costs: [Int64], _ variable: Int) -> [Int64] {
      cells[variable].map { costs[$0].min() ?? 0 }
    }
    var result = problem
    for variable in cells.indices {
      result.utilities[variable] = cells[variable].map {
        problem.utilities[variable][$0].max() ?? 0
      }
    }
    for (k, resource) in problem.resources.enumerated() {
      for variable in cells.indices {
        result.resources[k].unary[variable] = least(resource.unary[variable], variable)
      }
      for (place, pair) in resource.pairs.enumerated() {
        switch pair.costs {
        case .product(let first, let second) where (first + second).allSatisfy({ $0 >= 0 }):
          result.resources[k].pairs[place].costs = .product(
            first: least(first, pair.first), second: least(second, pair.second))
        case .product, .table:
          result.resources[k].pairs[place].costs = .table(
            rows: cells[pair.first].map { rows in
              cells[pair.second].map { columns in
                var least = Int64.max
                for i in rows { for j in columns { least = min(least, pair.costs[i, j]) } }
                return least
              }
            })
        }
      }
    }
    return result
  }
}
