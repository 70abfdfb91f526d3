/// An order in which variables are maximised out, and the tables this makes.
///
/// Eliminating a variable joins its neighbours; taking at each step the variable that joins the
/// fewest (min-fill) keeps tables small, and is exact on trees and chordal graphs.
struct EliminationOrder {
  /// Two variables that share a cost.
  struct Edge {
    var first: Int
    var second: Int
    /// Whether the cost, seen from the first or the second, is its shape times a number.
    var isProductForFirst = false
    var isProductForSecond = false
  }

  /// One variable and the later ones its maximum depends on.
  struct Step {
    var variable: Int
    /// Latest eliminated first, so that the next variable to go is innermost in the table.
    var separator: [Int]
    /// Positions in the separator that shape the row of the variable: its table factors are on them.
    var rows: [Int] = []
    /// Positions that only set the price of the variable's shape: no row need be formed for them.
    var walks: [Int] = []
  }

  var steps: [Step] = []

  /// - Parameter counts: The number of options of every variable.
  init(counts: [Int], edges: [Edge]) {
    var neighbours = [Set<Int>](repeating: [], count: counts.count)
    for edge in edges {
      neighbours[edge.first].insert(edge.second)
      neighbours[edge.second].insert(edge.first)
    }
    var remaining = Set(counts.indices)
    var position = [Int](repeating: 0, count: counts.count)
    while let next = Self.cheapest(of: remaining, neighbours: neighbours, counts: counts) {
      let around = neighbours[next].sorted()
      position[next] = steps.count
      steps.append(Step(variable: next, separator: around))
      for a in around {
        neighbours[a].remove(next)
        neighbours[a].formUnion(around)
        neighbours[a].remove(a)
      }
      remaining.remove(next)
    }
    for index in steps.indices {
      steps[index].separator.sort { position[$0] > position[$1] }
    }
    classify(edges)
  }

  /// Sorts every separator into variables that shape the row and variables that set its price.
  private mutating func classify(_ edges: [Edge]) {
    for index in steps.indices {
      let variable = steps[index].variable
      var shaping: Set<Int> = []
      for edge in edges {
        if edge.first == variable, !edge.isProductForFirst { shaping.insert(edge.second) }
        if edge.second == variable, !edge.isProductForSecond { shaping.insert(edge.first) }
      }
      for earlier in steps[..<index] where earlier.separator.last == variable {
        shaping.formUnion(earlier.separator)
      }
      let separator = steps[index].separator
      steps[index].rows = separator.indices.filter { shaping.contains(separator[$0]) }
      steps[index].walks = separator.indices.filter { !shaping.contains(separator[$0]) }
    }
  }

  private static func cheapest(of remaining: Set<Int>, neighbours: [Set<Int>], counts: [Int])
    -> Int?
  {
    var best: (fill: Int, size: Double, variable: Int)?
    for variable in remaining.sorted() {
      let around = neighbours[variable].sorted()
      var fill = 0
      for (i, a) in around.enumerated() {
        for b in around[(i + 1)...] where !neighbours[a].contains(b) { fill += 1 }
      }
      let size = around.reduce(Double(counts[variable])) { $0 * Double(counts[$1]) }
      if best.map({ (fill, size) < ($0.fill, $0.size) }) ?? true { best = (fill, size, variable) }
    }
    return best?.variable
  }

  /// Sums that one evaluation forms.
  func work(counts: [Int]) -> Double { steps.reduce(0) { $0 + work($1, counts) } }

  /// A row for every assignment of `rows`, and then one sum for every assignment of `walks`.
  func work(_ step: Step, _ counts: [Int]) -> Double {
    let rows = step.rows.reduce(1.0) { $0 * Double(counts[step.separator[$1]]) }
    let walks = step.walks.reduce(1.0) { $0 * Double(counts[step.separator[$1]]) }
    return rows * (Double(counts[step.variable]) + (step.walks.isEmpty ? 0 : walks))
  }
}
