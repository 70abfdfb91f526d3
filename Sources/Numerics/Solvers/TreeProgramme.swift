/// The exact maximum of utilities minus priced costs, by dynamic programming over a tree
/// decomposition of the variables.
///
/// A variable with one option is no variable: its pair costs become costs of the other one alone,
/// so that a fixed group joined to every other does not join them to each other.
///
/// Where a variable meets others only in products with its own width, its maximum
/// max_i g(i) − p · v(i) depends on them through the one price p. It is then read off the upper
/// hull of the points (v, g) instead of being sought among all options: the layers of a network
/// cost the product of two widths, so a step for two neighbours of S and T options takes S · T
/// sums whatever the number of options of the variable itself.
struct TreeProgramme {
  /// A table read row by row along the variable being eliminated.
  struct TableFactor {
    /// Where the table begins in `storage`.
    var start: Int
    /// Positions in the separator that choose the row, and what a step of each is worth.
    var terms: [(position: Int, stride: Int)]
  }

  /// Products of the variable's shape with a vector of one separator variable.
  struct ProductFactor {
    var position: Int
    /// The resource and the cost per unit of shape, by option of the separator variable.
    var costs: [(resource: Int, values: [Double])]
  }

  struct Step {
    var variable: Int
    var separator: [Int]
    var rows: [Int]
    var walks: [Int]
    /// What a step of each separator variable is worth in the table this step writes.
    var strides: [Int]
    var start: Int
    var tables: [TableFactor] = []
    var products: [ProductFactor] = []
    /// v: what products multiply, by option; empty where there are none.
    var shape: [Double] = []
    /// The options by ascending shape; empty where they stand so already.
    var ascending: [Int] = []
  }

  /// A pair cost in every resource, as one table to be filled at given prices.
  struct Edge {
    var outer: Int
    var inner: Int
    var start: Int
    /// The resource, its costs, and whether they are written with inner and outer exchanged.
    var costs: [(resource: Int, table: PairTable, isExchanged: Bool)]
  }

  let counts: [Int]
  let utilities: [[Double]]
  /// `unary[resource][variable][option]`, whole numbers.
  let unary: [[[Double]]]
  let scales: [Double]
  private(set) var edges: [Edge] = []
  private(set) var steps: [Step] = []
  var storage: [Double] = []
  /// Sums that one evaluation forms.
  let work: Double

  init(_ problem: ChoiceProblem) {
    counts = problem.utilities.map(\.count)
    utilities = problem.utilities
    scales = problem.resources.map(\.scale)
    let joined = JoinedCosts(problem)
    unary = joined.unary
    let order = EliminationOrder(counts: counts, edges: joined.edges)
    work = order.work(counts: counts)

    var position = [Int](repeating: 0, count: counts.count)
    for (index, step) in order.steps.enumerated() { position[step.variable] = index }
    var size = 0
    var tableEdges: [Int: [Edge]] = [:]
    for pair in joined.pairs {
      let isFirstInner = position[pair.first] < position[pair.second]
      let (inner, outer) = isFirstInner ? (pair.first, pair.second) : (pair.second, pair.first)
      guard !joined.isProduct(pair, for: inner) else { continue }
      let edge = Edge(
        outer: outer, inner: inner, start: size,
        costs: pair.costs.map { ($0.resource, $0.table, $0.isExchanged != isFirstInner) })
      edges.append(edge)
      tableEdges[inner, default: []].append(edge)
      size += counts[pair.first] * counts[pair.second]
    }
    for ordered in order.steps {
      var strides = [Int](repeating: 1, count: ordered.separator.count)
      for index in strides.indices.dropLast().reversed() {
        strides[index] = strides[index + 1] * counts[ordered.separator[index + 1]]
      }
      var step = Step(
        variable: ordered.variable, separator: ordered.separator, rows: ordered.rows,
        walks: ordered.walks, strides: strides, start: size)
      step.tables = tables(of: step, edges: tableEdges[ordered.variable] ?? [])
      step.products = joined.products(of: ordered.variable, separator: ordered.separator)
      if !step.products.isEmpty {
        step.shape = joined.shapes[ordered.variable].map { Double($0) }
        let shape = step.shape
        let sorted = shape.indices.sorted { (shape[$0], $0) < (shape[$1], $1) }
        step.ascending = sorted == Array(shape.indices) ? [] : sorted
      }
      steps.append(step)
      size += ordered.separator.reduce(1) { $0 * counts[$1] }
    }
    storage = [Double](repeating: 0, count: size)
  }

  /// The filled pair costs and earlier maxima that depend on a step's variable.
  private func tables(of step: Step, edges: [Edge]) -> [TableFactor] {
    let width = counts[step.variable]
    var found = edges.map { edge in
      TableFactor(
        start: edge.start,
        terms: step.separator.indices.filter { step.separator[$0] == edge.outer }.map {
          ($0, width)
        })
    }
    for earlier in steps where earlier.separator.last == step.variable {
      var terms: [(position: Int, stride: Int)] = []
      for (variable, stride) in zip(earlier.separator, earlier.strides).dropLast() {
        for place in step.separator.indices where step.separator[place] == variable {
          terms.append((place, stride))
        }
      }
      found.append(TableFactor(start: earlier.start, terms: terms))
    }
    return found
  }
}
