/// The linear programme over mixtures of the plans met so far; its prices are the next to try.
///
/// maximise Σ_i α_i u_i − penalty Σ_k s_k subject to Σ_i α_i a_ik + t_k − s_k = 0 for every
/// resource k and Σ_i α_i = 1, all ≥ 0, where a_ik is the excess of plan i over budget k divided
/// by the budget. The dual values of the resource rows are prices in 0…penalty.
///
/// A revised simplex method that takes the steepest price, and the first in order where that may
/// cycle; its basis is factorised afresh at each step: there are as many rows as budgets plus one. Nothing relies on its accuracy, as any prices ≥ 0 give a bound.
struct MasterProgramme {
  struct Column {
    var utility: Double
    var excess: [Double]
  }

  struct Result {
    /// Prices per scaled unit of every resource.
    var prices: [Double]
    /// The value of the mixture: no bound can come below it.
    var value: Double
    /// The weights of the plans in the mixture.
    var weights: [(column: Int, weight: Double)]
    /// Whether the mixture still exceeds a budget.
    var isOverBudget: Bool
  }

  private enum Variable: Hashable {
    case slack(Int)
    case overrun(Int)
    case plan(Int)
  }

  private static let tolerance = 1e-11

  let resourceCount: Int
  var penalty: Double
  private(set) var columns: [Column] = []
  private var basis: [Variable] = []

  init(resourceCount: Int, penalty: Double) {
    self.resourceCount = resourceCount
    self.penalty = penalty
  }

  mutating func add(_ column: Column) {
    columns.append(column)
    if columns.count == 1 {
      basis = column.excess.enumerated().map { $1 <= 0 ? .slack($0) : .overrun($0) } + [.plan(0)]
    }
  }

  mutating func solve() -> Result {
    let rows = resourceCount + 1
    var right = [Double](repeating: 0, count: rows)
    right[resourceCount] = 1
    var duals = right
    var values = right
    for step in 0..<(200 + 20 * columns.count) {
      let matrix = basis.map(coefficients)
      duals = solveLinear(matrix, basis.map(objective)) ?? duals
      let transposed = (0..<rows).map { row in matrix.map { $0[row] } }
      values = solveLinear(transposed, right) ?? values
      guard let entering = entering(duals: duals, isSteepest: step < 40),
        let direction = solveLinear(transposed, coefficients(entering)),
        let leaving = leaving(values: values, direction: direction)
      else { break }
      basis[leaving] = entering
    }
    var weights: [(column: Int, weight: Double)] = []
    var isOver = false
    for (variable, value) in zip(basis, values) where value > 1e-9 {
      switch variable {
      case .plan(let column): weights.append((column, value))
      case .overrun: isOver = true
      case .slack: break
      }
    }
    weights.sort { $0.column < $1.column }
    return Result(
      prices: duals.prefix(resourceCount).map { min(max($0, 0), penalty) },
      value: zip(basis, values).reduce(0) { $0 + objective($1.0) * $1.1 },
      weights: weights, isOverBudget: isOver)
  }

  private func coefficients(_ variable: Variable) -> [Double] {
    var column = [Double](repeating: 0, count: resourceCount + 1)
    switch variable {
    case .slack(let row): column[row] = 1
    case .overrun(let row): column[row] = -1
    case .plan(let plan): column = columns[plan].excess + [1]
    }
    return column
  }

  private func objective(_ variable: Variable) -> Double {
    switch variable {
    case .slack: 0
    case .overrun: -penalty
    case .plan(let plan): columns[plan].utility
    }
  }

  /// A variable that improves the value: the steepest plan, or the first (Bland's rule: no cycles).
  private func entering(duals: [Double], isSteepest: Bool) -> Variable? {
    let inBasis = Set(basis)
    for row in 0..<resourceCount {
      if duals[row] < -Self.tolerance * (1 + penalty), !inBasis.contains(.slack(row)) {
        return .slack(row)
      }
      if duals[row] - penalty > Self.tolerance * (1 + penalty), !inBasis.contains(.overrun(row)) {
        return .overrun(row)
      }
    }
    var best: (gain: Double, plan: Int)?
    for (index, column) in columns.enumerated() {
      var price = duals[resourceCount]
      for row in 0..<resourceCount { price += duals[row] * column.excess[row] }
      let gain = column.utility - price
      if gain > Self.tolerance * (1 + abs(column.utility) + abs(price)),
        gain > best?.gain ?? 0, !inBasis.contains(.plan(index))
      {
        if !isSteepest { return .plan(index) }
        best = (gain, index)
      }
    }
    return best.map { .plan($0.plan) }
  }

  /// The basic variable that reaches zero first; of equals, the first in order.
  private func leaving(values: [Double], direction: [Double]) -> Int? {
    var best: (ratio: Double, rank: Int, row: Int)?
    for row in values.indices where direction[row] > 1e-10 {
      let candidate = (
        ratio: max(values[row], 0) / direction[row], rank: rank(basis[row]), row: row
      )
      if best.map({ (candidate.ratio, candidate.rank) < ($0.ratio, $0.rank) }) ?? true {
        best = candidate
      }
    }
    return best?.row
  }

  private func rank(_ variable: Variable) -> Int {
    switch variable {
    case .slack(let row): 2 * row
    case .overrun(let row): 2 * row + 1
    case .plan(let plan): 2 * resourceCount + plan
    }
  }
}

/// x with A x = b by Gaussian elimination with row pivoting; nil where A is singular.
///
/// - Parameter matrix: A, row by row, at most a dozen rows.
func solveLinear(_ matrix: [[Double]], _ right: [Double]) -> [Double]? {
  var rows = zip(matrix, right).map { $0 + [$1] }
  let count = rows.count
  for pivot in 0..<count {
    var largest = pivot
    for row in pivot..<count where abs(rows[row][pivot]) > abs(rows[largest][pivot]) {
      largest = row
    }
    guard abs(rows[largest][pivot]) > 1e-13 else { return nil }
    rows.swapAt(pivot, largest)
    for row in 0..<count where row != pivot && rows[row][pivot] != 0 {
      let factor = rows[row][pivot] / rows[pivot][pivot]
      for column in pivot...count { rows[row][column] -= factor * rows[pivot][column] }
    }
  }
  return rows.indices.map { rows[$0][count] / rows[$0][$0] }
}
