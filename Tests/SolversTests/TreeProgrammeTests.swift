import TestSupport
import Testing

@testable import Solvers

@Suite("Tree programme", .tags(.pure))
struct TreeProgrammeTests {
  @Test("the dynamic programme finds what trying every plan finds", arguments: 0..<60)
  func agreesWithBruteForce(seed: Int) {
    expectBest(
      of: randomProblem(
        seed: UInt64(seed), variables: 2 + seed % 6, options: 4, edges: seed % 9,
        resources: 1 + seed % 3), seed: seed)
  }

  @Test("products of widths are read off hulls, with the same answer", arguments: 0..<80)
  func hulls(seed: Int) {
    expectBest(
      of: networkLikeProblem(
        seed: UInt64(seed), variables: 2 + seed % 5, options: 6, edges: seed % 8,
        resources: 1 + seed % 3), seed: seed)
  }

  /// Compares with brute force at random prices, within random ranges.
  private func expectBest(of problem: ChoiceProblem, seed: Int) {
    var random = SeededGenerator(seed: UInt64(seed) + 1000)
    let prices = problem.resources.map { _ in Double.random(in: 0...3, using: &random) }
    let counts = problem.utilities.map(\.count)
    let ranges = counts.map { count in
      let lower = Int.random(in: 0..<count, using: &random)
      return lower...Int.random(in: lower..<count, using: &random)
    }
    func value(_ choice: [Int]) -> Double {
      zip(problem.resources, prices).reduce(problem.utility(of: choice)) { sum, item in
        sum - item.1 * Double(item.0.cost(of: choice)) / item.0.scale
      }
    }
    var programme = TreeProgramme(problem)
    let choice = programme.maximise(utilityWeight: 1, prices: prices, ranges: ranges)
    let best =
      allChoices(counts).filter { zip($0, ranges).allSatisfy { $1.contains($0) } }
      .map(value).max() ?? -.infinity
    #expect(zip(choice, ranges).allSatisfy { $1.contains($0) })
    expectClose([value(choice)], [best], tolerance: 1e-9)
  }

  @Test("a variable that meets others in products alone costs no sums of its own")
  func work() {
    let widths = (1...50).map { Int64($0) }
    let utilities = [[Double]](repeating: widths.map { Double($0) }, count: 3)
    let pairs = [(0, 1), (1, 2), (2, 0)].map {
      PairCost(first: $0, second: $1, costs: .product(first: widths, second: widths))
    }
    let problem = ChoiceProblem(
      utilities: utilities,
      resources: [
        ResourceConstraint(
          name: "r", limit: 900, unary: utilities.map { $0.map { _ in 0 } }, pairs: pairs)
      ])
    #expect(TreeProgramme(problem).work == 50 + 2500 + 2500 + 50)
  }

  @Test("a fixed hub does not join its neighbours")
  func fixedHub() {
    var utilities = [[Double]](repeating: [0, 1, 2, 3], count: 12)
    utilities.append([0])
    let pairs = (0..<12).map {
      PairCost(first: 12, second: $0, costs: .product(first: [3], second: [1, 2, 3, 4]))
    }
    let problem = ChoiceProblem(
      utilities: utilities,
      resources: [
        ResourceConstraint(
          name: "r", limit: 78, unary: utilities.map { $0.map { _ in 0 } }, pairs: pairs)
      ])
    #expect(TreeProgramme(problem).work <= 49)
    let solution = LagrangianSolver().solve(problem)
    #expect(solution.objective == 14)
    #expect(solution.status == .optimal)
  }

  @Test("the elimination of a cycle makes tables of two")
  func cycle() {
    let order = EliminationOrder(
      counts: [Int](repeating: 5, count: 8),
      edges: (0..<8).map { .init(first: $0, second: ($0 + 1) % 8) })
    #expect(order.steps.map(\.separator.count).max() == 2)
    #expect(order.steps.count == 8)
  }
}
