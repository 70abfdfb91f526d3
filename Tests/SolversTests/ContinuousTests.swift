import Foundation
import TestSupport
import Testing

@testable import Solvers

@Suite("Continuous programmes", .tags(.pure))
struct ContinuousTests {
  private func randomCost(_ count: Int, _ random: inout SeededGenerator) -> QuadraticCost {
    QuadraticCost(
      constant: .random(in: 0...3, using: &random),
      linear: (0..<count).map { _ in .random(in: 0...2, using: &random) },
      pairs: (0..<(2 * count)).map { _ in
        .init(
          .random(in: 0..<count, using: &random), .random(in: 0..<count, using: &random),
          .random(in: 0.1...5, using: &random))
      })
  }

  /// At the optimum every variable between its bounds takes shares of the costs in proportion to
  /// its importance, and every price belongs to a limit that is met exactly.
  @Test("the geometric programme's answer satisfies its KKT conditions", arguments: 0..<30)
  func kkt(seed: Int) throws {
    var random = SeededGenerator(seed: UInt64(seed))
    let count = 3 + seed % 10
    let costs = (0..<(1 + seed % 3)).map { _ in randomCost(count, &random) }
    let ones = [Double](repeating: 1, count: count)
    let importance = ones.map { _ in Double.random(in: 0.2...3, using: &random) }
    let lower = ones.map { _ in Double.random(in: 0.02...0.2, using: &random) }
    let limits = costs.map { cost in
      cost.value(lower) + Double.random(in: 0.2...0.9, using: &random)
        * (cost.value(ones) - cost.value(lower))
    }
    let result = try #require(
      GeometricProgramme(importance: importance, lower: lower, costs: costs, limits: limits).solve()
    )
    let x = result.ratios
    for (index, cost) in costs.enumerated() {
      #expect(cost.value(x) <= limits[index])
      let room = log(limits[index] / cost.value(x))
      #expect(result.multipliers[index] >= 0)
      #expect(result.multipliers[index] * room < 1e-6)
    }
    for i in x.indices {
      var pull = importance[i]
      for (multiplier, cost) in zip(result.multipliers, costs) {
        pull -= multiplier * cost.gradient(x)[i] * x[i] / cost.value(x)
      }
      // A variable at a bound may be pulled against it.
      if x[i] < lower[i] * (1 + 1e-5) {
        #expect(pull < 1e-5)
      } else if x[i] > 1 - 1e-5 {
        #expect(pull > -1e-5)
      } else {
        #expect(abs(pull) < 1e-4, "variable \(i) at \(x[i])")
      }
    }
  }

  @Test("a geometric programme without room says so, and one without limits stays dense")
  func edges() throws {
    let cost = QuadraticCost(linear: [1, 1])
    #expect(
      GeometricProgramme(importance: [1, 1], lower: [0.5, 0.5], costs: [cost], limits: [0.9])
        .solve() == nil)
    let free = try #require(
      GeometricProgramme(importance: [1, 1], lower: [0.5, 0.5], costs: [], limits: []).solve())
    expectClose(free.ratios, [1, 1], tolerance: 1e-6)
  }

  @Test("a step minimises its quadratic within bounds and budget", arguments: 0..<40)
  func step(seed: Int) {
    var random = SeededGenerator(seed: UInt64(seed))
    let count = 1 + seed % 8
    let root = (0..<count).map { _ in
      (0..<count).map { _ in Double.random(in: -1...1, using: &random) }
    }
    let curvature = (0..<count).map { i in
      (0..<count).map { j in dot(root[i], root[j]) + (i == j ? 0.3 : 0) }
    }
    let gradient = (0..<count).map { _ in Double.random(in: -1...1, using: &random) }
    let normal = (0..<count).map { _ in -Double.random(in: 0.1...3, using: &random) }
    let lower = (0..<count).map { _ in -Double.random(in: 0.3...1, using: &random) }
    let upper = (0..<count).map { _ in Double.random(in: 0...0.2, using: &random) }
    // Negative: the step must go down by half of what the bounds allow.
    let slack = -0.5 * dot(normal, lower) * (seed % 4 == 0 ? -1 : 1)
    let solution = BudgetedStep(
      curvature: curvature, gradient: gradient, normal: normal, slack: slack, lower: lower,
      upper: upper
    ).solve()
    let d = solution.direction
    let value = dot(normal, d) + slack
    #expect(value > -1e-9 && solution.multiplier >= 0 && abs(solution.multiplier * value) < 1e-8)
    for i in 0..<count {
      let pull = gradient[i] + dot(curvature[i], d) - solution.multiplier * normal[i]
      #expect(d[i] >= lower[i] && d[i] <= upper[i])
      if d[i] > lower[i] + 1e-12 { #expect(pull < 1e-8) }
      if d[i] < upper[i] - 1e-12 { #expect(pull > -1e-8) }
    }
  }

  @Test("with importances that act, the programme improves on its first feasible point")
  func objective() {
    let cost = QuadraticCost(linear: [0.1, 0.1], pairs: [.init(0, 0, 1), .init(1, 1, 1)])
    let result = SequentialQuadraticProgramme(importance: [2, 1], cost: cost, limit: 0.7).solve()
    // Lagrange: 2 = λ (0.1 + 2 x), 1 = λ (0.1 + 2 y) on the budget.
    #expect(result.hasConverged)
    let (x, y) = (result.ratios[0], result.ratios[1])
    expectClose([cost.value(result.ratios)], [0.7], tolerance: 1e-5)
    expectClose([(0.1 + 2 * x) / (0.1 + 2 * y)], [2], tolerance: 1e-2)
  }
}
