import Foundation

/// maximise Σ importance_i · log x_i subject to cost_k(x) ≤ limit_k and lower ≤ x ≤ 1.
///
/// In y = log x the objective is linear and every log cost_k convex, so that the optimum is unique
/// and no variable is ever emptied. Solved by a barrier method with Newton steps.
public struct GeometricProgramme: Sendable {
  public var importance: [Double]
  /// Above 0, at most 1; a variable at 1 is fixed.
  public var lower: [Double]
  public var costs: [QuadraticCost]
  public var limits: [Double]

  public struct Result: Sendable, Hashable {
    /// x.
    public var ratios: [Double]
    /// λ_k: at the optimum importance_i = Σ_k λ_k · ∂log cost_k / ∂log x_i for every variable
    /// between its bounds.
    public var multipliers: [Double]
  }

  public init(
    importance: [Double], lower: [Double], costs: [QuadraticCost], limits: [Double]
  ) {
    self.importance = importance
    self.lower = lower
    self.costs = costs
    self.limits = limits
  }

  /// The optimum; nil where the lower bounds do not leave room within every limit.
  public func solve() -> Result? {
    let free = lower.indices.filter { lower[$0] < 1 }
    let bounds = lower.map { Foundation.log($0) }
    var y = bounds
    guard zip(costs, limits).allSatisfy({ $0.value(lower) < $1 }) else { return nil }
    // A point inside: a little above the lower bounds, as little as the limits ask for.
    var share = 0.5
    repeat {
      for i in free { y[i] = bounds[i] * (1 - share) }
      share /= 2
    } while share > 1e-12 && !isInside(y)
    guard !free.isEmpty, isInside(y) else {
      return Result(ratios: lower, multipliers: costs.map { _ in 0 })
    }
    let total = max(importance.reduce(0, +), 1e-12)
    var weight = total / Double(free.count)
    let least = 1e-9 * total / Double(free.count)
    while true {
      centre(&y, free: free, bounds: bounds, weight: weight)
      if weight <= least { break }
      weight = max(weight * 0.1, least)
    }
    let x = y.map { min(exp($0), 1) }
    let multipliers = zip(costs, limits).map { cost, limit in
      weight / max(Foundation.log(limit) - Foundation.log(cost.value(x)), 1e-300)
    }
    return Result(ratios: x, multipliers: multipliers)
  }

  private func isInside(_ y: [Double]) -> Bool {
    let x = y.map { exp($0) }
    return zip(costs, limits).allSatisfy { $0.value(x) < $1 }
  }

  /// −Σ I y − weight · Σ log of all distances to bounds and limits; ∞ outside.
  private func barrier(_ y: [Double], free: [Int], bounds: [Double], weight: Double) -> Double {
    let x = y.map { exp($0) }
    var sum = 0.0
    for i in free {
      guard y[i] > bounds[i], y[i] < 0 else { return .infinity }
      sum -= importance[i] * y[i]
      sum -= weight * (Foundation.log(y[i] - bounds[i]) + Foundation.log(-y[i]))
    }
    for (cost, limit) in zip(costs, limits) {
      let room = Foundation.log(limit) - Foundation.log(cost.value(x))
      guard room > 0 else { return .infinity }
      sum -= weight * Foundation.log(room)
    }
    return sum
  }

  /// Newton's method to the centre for one weight of the barrier.
  private func centre(_ y: inout [Double], free: [Int], bounds: [Double], weight: Double) {
    for _ in 0..<40 {
      let (gradient, hessian) = derivatives(y, free: free, bounds: bounds, weight: weight)
      let step = solvePositive(hessian, gradient.map { -$0 })
      let slope = dot(gradient, step)
      if -slope <= 1e-12 * weight { return }
      let value = barrier(y, free: free, bounds: bounds, weight: weight)
      // Near the centre the change is below what the sum resolves; Newton's step is good there.
      let rounding = 1e-13 * (1 + abs(value))
      var length = 1.0
      while length > 1e-12 {
        var next = y
        for (i, change) in zip(free, step) { next[i] += length * change }
        if barrier(next, free: free, bounds: bounds, weight: weight)
          <= value + 0.1 * length * slope + rounding
        {
          y = next
          break
        }
        length /= 2
      }
      if length <= 1e-12 { return }
    }
  }

  private func derivatives(_ y: [Double], free: [Int], bounds: [Double], weight: Double)
    -> (gradient: [Double], hessian: [[Double]])
  {
    let x = y.map { exp($0) }
    var gradient = free.map { i in
      -importance[i] - weight / (y[i] - bounds[i]) - weight / y[i]
    }
    var hessian = free.map { _ in [Double](repeating: 0, count: free.count) }
    for (row, i) in free.enumerated() {
      let (up, down) = (y[i] - bounds[i], y[i])
      hessian[row][row] = weight / (up * up) + weight / (down * down)
    }
    for (cost, limit) in zip(costs, limits) {
      let value = cost.value(x)
      let room = Foundation.log(limit) - Foundation.log(value)
      let second = curvature(cost, x)
      let share = zip(cost.gradient(x), x).map { $0 * $1 / value }
      for (row, i) in free.enumerated() {
        gradient[row] += weight * share[i] / room
        for (column, j) in free.enumerated() {
          hessian[row][column] +=
            weight
            * ((second[i][j] / value - share[i] * share[j]) / room
              + share[i] * share[j] / (room * room))
        }
      }
    }
    return (gradient, hessian)
  }

  /// ∂²cost / ∂y_i ∂y_j.
  private func curvature(_ cost: QuadraticCost, _ x: [Double]) -> [[Double]] {
    var result = x.map { _ in [Double](repeating: 0, count: x.count) }
    for i in x.indices { result[i][i] = cost.linear[i] * x[i] }
    for pair in cost.pairs {
      let value = pair.factor * x[pair.first] * x[pair.second]
      result[pair.first][pair.first] += value
      result[pair.second][pair.second] += value
      result[pair.first][pair.second] += value
      result[pair.second][pair.first] += value
    }
    return result
  }
}
