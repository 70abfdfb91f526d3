/// The costs of a problem as the dynamic programme sees them: those of single variables, costs
/// shared with fixed variables included, and those of pairs that both vary.
struct JoinedCosts {
  /// A pair of variables that both vary, with its costs in every resource.
  struct Pair {
    var first: Int
    var second: Int
    var costs: [(resource: Int, table: PairTable, isExchanged: Bool)]
  }

  /// `unary[resource][variable][option]`.
  private(set) var unary: [[[Double]]] = []
  private(set) var pairs: [Pair] = []
  /// By variable: the vector that all its product costs are multiples of, without common divisor;
  /// empty where there is none.
  private(set) var shapes: [[Int64]] = []

  init(_ problem: ChoiceProblem) {
    let counts = problem.utilities.map(\.count)
    var places: [[Int]: Int] = [:]
    for (resource, constraint) in problem.resources.enumerated() {
      var unary = constraint.unary.map { $0.map { Double($0) } }
      for pair in constraint.pairs {
        let (a, b) = (pair.first, pair.second)
        if counts[b] == 1 {
          for i in unary[a].indices { unary[a][i] += Double(pair.costs[i, 0]) }
        } else if counts[a] == 1 {
          for j in unary[b].indices { unary[b][j] += Double(pair.costs[0, j]) }
        } else {
          let key = [min(a, b), max(a, b)]
          let place = places[key] ?? pairs.count
          if place == pairs.count {
            places[key] = place
            pairs.append(Pair(first: key[0], second: key[1], costs: []))
          }
          pairs[place].costs.append((resource, pair.costs, a > b))
        }
      }
      self.unary.append(unary)
    }
    shapes = [[Int64]](repeating: [], count: counts.count)
    findShapes()
  }

  private mutating func findShapes() {
    var isUniform = [Bool](repeating: true, count: shapes.count)
    for pair in pairs {
      for cost in pair.costs {
        guard case .product(let first, let second) = cost.table else { continue }
        let (lower, upper) = cost.isExchanged ? (second, first) : (first, second)
        for (variable, vector) in [(pair.first, lower), (pair.second, upper)] {
          guard let (shape, _) = Self.primitive(vector) else {
            isUniform[variable] = false
            continue
          }
          if shapes[variable].isEmpty { shapes[variable] = shape }
          if shape != shapes[variable] { isUniform[variable] = false }
        }
      }
    }
    for variable in shapes.indices where !isUniform[variable] { shapes[variable] = [] }
  }

  /// A vector without its greatest common divisor, and that; nil for one with negative numbers or
  /// none but zeros.
  private static func primitive(_ vector: [Int64]) -> (shape: [Int64], factor: Int64)? {
    var divisor: Int64 = 0
    for value in vector {
      guard value >= 0 else { return nil }
      var (a, b) = (divisor, value)
      while b != 0 { (a, b) = (b, a % b) }
      divisor = a
    }
    return divisor == 0 ? nil : (vector.map { $0 / divisor }, divisor)
  }

  /// Whether a pair's costs are all multiples of a variable's shape.
  func isProduct(_ pair: Pair, for variable: Int) -> Bool {
    !shapes[variable].isEmpty
      && pair.costs.allSatisfy { if case .product = $0.table { true } else { false } }
  }

  var edges: [EliminationOrder.Edge] {
    pairs.map {
      EliminationOrder.Edge(
        first: $0.first, second: $0.second, isProductForFirst: isProduct($0, for: $0.first),
        isProductForSecond: isProduct($0, for: $0.second))
    }
  }

  /// The product costs of a variable with those of a separator, per unit of its shape.
  func products(of variable: Int, separator: [Int]) -> [TreeProgramme.ProductFactor] {
    pairs.compactMap { pair in
      let isFirst = pair.first == variable
      guard isFirst || pair.second == variable, isProduct(pair, for: variable),
        let position = separator.firstIndex(of: isFirst ? pair.second : pair.first)
      else { return nil }
      let costs = pair.costs.compactMap { cost -> (resource: Int, values: [Double])? in
        guard case .product(let first, let second) = cost.table else { return nil }
        let (own, other) = cost.isExchanged == isFirst ? (second, first) : (first, second)
        guard let factor = Self.primitive(own)?.factor else { return nil }
        return (cost.resource, other.map { Double(factor) * Double($0) })
      }
      return TreeProgramme.ProductFactor(position: position, costs: costs)
    }
  }
}
