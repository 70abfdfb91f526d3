/// An order in which variables are maximised out, and the tables this makes.
///
/// Eliminating a variable joins its neighbours; taking at each step the variable that joins the
/// fewest (min-fill) keeps tables small, and is exact on trees and chordal graphs.
struct EliminationOrder {
  /// One variable and the later ones its maximum depends on.
  struct Step {
    var variable: Int
    /// Latest eliminated first, so that the next variable to go is innermost in the table.
    var separator: [Int]
  }

  var steps: [Step] = []

  /// - Parameters:
  ///   - counts: The number of options of every variable.
  ///   - edges: Pairs of variables that share a cost.
  init(counts: [Int], edges: [(Int, Int)]) {
    var neighbours = [Set<Int>](repeating: [], count: counts.count)
    for (a, b) in edges {
      neighbours[a].insert(b)
      neighbours[b].insert(a)
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

  /// Sums that one evaluation forms: Σ over steps of the product of the options involved.
  func work(counts: [Int]) -> Double { steps.reduce(0) { $0 + work($1, counts) } }

  func work(_ step: Step, _ counts: [Int]) -> Double {
    step.separator.reduce(Double(counts[step.variable])) { $0 * Double(counts[$1]) }
  }
}
