/// The exact maximum of utilities minus priced costs, by dynamic programming over a tree
/// decomposition of the variables.
///
/// A variable with one option is no variable: its pair costs become costs of the other one alone,
/// so that a fixed group joined to every other does not join them to each other.
struct TreeProgramme {
  /// A table read row by row along the variable being eliminated.
  private struct RowFactor {
    /// Where the table begins in `storage`.
    var start: Int
    /// Positions in the separator that choose the row, and what a step of each is worth.
    var terms: [(position: Int, stride: Int)]
    /// The number of separator variables that must be fixed before the row is known.
    var level: Int { (terms.map(\.position).max() ?? -1) + 1 }
  }

  private struct Step {
    var variable: Int
    var separator: [Int]
    /// What a step of each separator variable is worth in the table this step writes.
    var strides: [Int]
    var start: Int
    var choicesStart: Int
    /// Factors by level.
    var factors: [[RowFactor]]
  }

  /// A pair cost in every resource, as one table to be filled at given prices.
  private struct Edge {
    var outer: Int
    var inner: Int
    var start: Int
    /// The resource, its costs, and whether they are written with inner and outer exchanged.
    var costs: [(resource: Int, table: PairTable, isExchanged: Bool)]
  }

  let counts: [Int]
  private let utilities: [[Double]]
  /// `unary[resource][variable][option]`, whole numbers.
  private let unary: [[[Double]]]
  private let scales: [Double]
  private var edges: [Edge] = []
  private var steps: [Step] = []
  private var storage: [Double] = []
  private var choices: [Int32] = []
  /// Sums that one evaluation forms.
  let work: Double

  init(_ problem: ChoiceProblem) {
    counts = problem.utilities.map(\.count)
    utilities = problem.utilities
    scales = problem.resources.map(\.scale)
    let joined = Self.joined(problem)
    unary = joined.unary
    let order = EliminationOrder(counts: counts, edges: joined.edges.map { ($0.first, $0.second) })
    work = order.work(counts: counts)

    var position = [Int](repeating: 0, count: counts.count)
    for (index, step) in order.steps.enumerated() { position[step.variable] = index }
    var size = 0
    for edge in joined.edges {
      let isFirstInner = position[edge.first] < position[edge.second]
      edges.append(
        Edge(
          outer: isFirstInner ? edge.second : edge.first,
          inner: isFirstInner ? edge.first : edge.second, start: size,
          costs: edge.costs.map { ($0.resource, $0.table, $0.isExchanged != isFirstInner) }))
      size += counts[edge.first] * counts[edge.second]
    }
    var choicesSize = 0
    for step in order.steps {
      var strides = [Int](repeating: 1, count: step.separator.count)
      for index in strides.indices.dropLast().reversed() {
        strides[index] = strides[index + 1] * counts[step.separator[index + 1]]
      }
      let entries = step.separator.reduce(1) { $0 * counts[$1] }
      steps.append(
        Step(
          variable: step.variable, separator: step.separator, strides: strides, start: size,
          choicesStart: choicesSize, factors: []))
      size += entries
      choicesSize += entries
    }
    storage = [Double](repeating: 0, count: size)
    choices = [Int32](repeating: 0, count: choicesSize)
    for index in steps.indices { steps[index].factors = factors(of: steps[index]) }
  }

  /// The pair costs and earlier maxima that depend on a step's variable, by level.
  private func factors(of step: Step) -> [[RowFactor]] {
    var found: [RowFactor] = []
    for edge in edges where edge.inner == step.variable {
      let terms = step.separator.indices.filter { step.separator[$0] == edge.outer }
      found.append(
        RowFactor(start: edge.start, terms: terms.map { ($0, counts[step.variable]) }))
    }
    for earlier in steps where earlier.separator.last == step.variable {
      var terms: [(position: Int, stride: Int)] = []
      for (variable, stride) in zip(earlier.separator, earlier.strides).dropLast() {
        for place in step.separator.indices where step.separator[place] == variable {
          terms.append((place, stride))
        }
      }
      found.append(RowFactor(start: earlier.start, terms: terms))
    }
    return (0...step.separator.count).map { level in found.filter { $0.level == level } }
  }

  /// The choice that maximises `utilityWeight` · u − Σ `prices[k]` · c_k / scale_k.
  ///
  /// Ties go to the lowest option, so the result is the same on every machine. A price equal to
  /// its resource's scale makes every sum a whole number, and the result exact below 2⁵³.
  ///
  /// - Parameter ranges: The options allowed of every variable.
  mutating func maximise(utilityWeight: Double, prices: [Double], ranges: [ClosedRange<Int>])
    -> [Int]
  {
    let prices = zip(prices, scales).map { $0 / $1 }
    for edge in edges { fill(edge, prices: prices, ranges: ranges) }
    for step in steps {
      evaluate(step, utilityWeight: utilityWeight, prices: prices, ranges: ranges)
    }
    var choice = [Int](repeating: 0, count: counts.count)
    for step in steps.reversed() {
      var place = step.choicesStart
      for (variable, stride) in zip(step.separator, step.strides) {
        place += choice[variable] * stride
      }
      choice[step.variable] = Int(choices[place])
    }
    return choice
  }

  private mutating func fill(_ edge: Edge, prices: [Double], ranges: [ClosedRange<Int>]) {
    let width = counts[edge.inner]
    let inner = ranges[edge.inner]
    for outer in ranges[edge.outer] {
      let row = edge.start + outer * width
      for place in inner { storage[row + place] = 0 }
      for (resource, table, isExchanged) in edge.costs where prices[resource] != 0 {
        let price = prices[resource]
        switch table {
        case .product(let first, let second):
          let factor = Double(isExchanged ? second[outer] : first[outer]) * price
          let vector = isExchanged ? first : second
          for place in inner { storage[row + place] -= factor * Double(vector[place]) }
        case .table:
          for place in inner {
            let cost = isExchanged ? table[place, outer] : table[outer, place]
            storage[row + place] -= price * Double(cost)
          }
        }
      }
    }
  }

  /// Writes the step's table: for every assignment of the separator, the best of its variable.
  private mutating func evaluate(
    _ step: Step, utilityWeight: Double, prices: [Double], ranges: [ClosedRange<Int>]
  ) {
    let width = counts[step.variable]
    let range = ranges[step.variable]
    let depth = step.separator.count
    // Level l holds the sum of all factors known once l separator variables are fixed.
    var levels = [Double](repeating: 0, count: (depth + 1) * width)
    for option in range {
      var sum = utilityWeight * utilities[step.variable][option]
      for resource in prices.indices {
        sum -= prices[resource] * unary[resource][step.variable][option]
      }
      for factor in step.factors[0] { sum += storage[factor.start + option] }
      levels[option] = sum
    }
    var index = step.separator.map { ranges[$0].lowerBound }
    var changed = 0
    storage.withUnsafeMutableBufferPointer { storage in
      levels.withUnsafeMutableBufferPointer { levels in
        while true {
          for level in changed..<depth {
            let from = level * width
            for option in range { levels[from + width + option] = levels[from + option] }
            for factor in step.factors[level + 1] {
              let row = factor.terms.reduce(factor.start) { $0 + index[$1.position] * $1.stride }
              for option in range { levels[from + width + option] += storage[row + option] }
            }
          }
          var best = range.lowerBound
          let last = depth * width
          for option in range where levels[last + option] > levels[last + best] { best = option }
          let offset = zip(index, step.strides).reduce(0) { $0 + $1.0 * $1.1 }
          storage[step.start + offset] = levels[last + best]
          choices[step.choicesStart + offset] = Int32(best)

          var level = depth - 1
          while level >= 0, index[level] == ranges[step.separator[level]].upperBound {
            index[level] = ranges[step.separator[level]].lowerBound
            level -= 1
          }
          if level < 0 { break }
          index[level] += 1
          changed = level
        }
      }
    }
  }
}

extension TreeProgramme {
  /// A pair of variables that both vary, with its costs in every resource.
  struct JoinedPair {
    var first: Int
    var second: Int
    var costs: [(resource: Int, table: PairTable, isExchanged: Bool)]
  }

  /// Costs of single variables, those of fixed partners included, and the pairs left.
  static func joined(_ problem: ChoiceProblem) -> (unary: [[[Double]]], edges: [JoinedPair]) {
    let counts = problem.utilities.map(\.count)
    var edges: [JoinedPair] = []
    var places: [[Int]: Int] = [:]
    let unary = problem.resources.enumerated().map { resource, constraint in
      var unary = constraint.unary.map { $0.map { Double($0) } }
      for pair in constraint.pairs {
        let (a, b) = (pair.first, pair.second)
        if counts[b] == 1 {
          for i in unary[a].indices { unary[a][i] += Double(pair.costs[i, 0]) }
        } else if counts[a] == 1 {
          for j in unary[b].indices { unary[b][j] += Double(pair.costs[0, j]) }
        } else {
          let key = [min(a, b), max(a, b)]
          if places[key] == nil {
            places[key] = edges.count
            edges.append(JoinedPair(first: key[0], second: key[1], costs: []))
          }
          if let place = places[key] {
            edges[place].costs.append((resource, pair.costs, a > b))
          }
        }
      }
      return unary
    }
    return (unary, edges)
  }
}
