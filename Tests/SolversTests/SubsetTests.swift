import Foundation
import Solvers
import TestSupport
import Testing

@Suite("Subsets of one size", .tags(.pure))
struct SubsetTests {
  /// Q = A Aᵀ of `rank` columns, and a linear part.
  private func problem(_ count: Int, rank: Int = 4, seed: UInt64) -> SubsetProblem {
    var generator = SeededGenerator(seed: seed)
    let a = (0..<count * rank).map { _ in Double.random(in: -1...1, using: &generator) }
    let q = (0..<count * count).map { place in
      (0..<rank).reduce(0) { sum, k in
        sum + a[place / count * rank + k] * a[place % count * rank + k]
      }
    }
    return SubsetProblem(
      quadratic: q,
      linear: (0..<count).map { _ in Double.random(in: -0.3...0.3, using: &generator) })
  }

  /// The least cost of all subsets of a size.
  private func best(_ problem: SubsetProblem, _ size: Int) -> Double {
    (0..<1 << problem.count).filter { $0.nonzeroBitCount == size }.map { mask in
      problem.cost(of: (0..<problem.count).filter { mask >> $0 & 1 == 1 })
    }.min() ?? 0
  }

  @Test(
    "evolution finds what brute force finds, for up to ten things", arguments: 1...10, [1, 2, 3])
  func evolution(count: Int, seed: UInt64) {
    let problem = problem(count, seed: seed)
    for size in 0...count {
      let found = SubsetEvolution().subset(of: size, in: problem)
      #expect(found.count == size && found == Set(found).sorted())
      #expect(abs(problem.cost(of: found) - best(problem, size)) < 1e-12)
    }
  }

  @Test("no exchange improves what greedy choice with exchanges finds", arguments: 1...10, [1, 2])
  func swaps(count: Int, seed: UInt64) {
    let problem = problem(count, seed: seed)
    for size in 0...count {
      let found = SwapSearch().subset(of: size, in: problem)
      let cost = problem.cost(of: found)
      #expect(found.count == size && found == Set(found).sorted())
      #expect(cost >= best(problem, size) - 1e-12)
      for out in found {
        for into in 0..<count where !found.contains(into) {
          #expect(problem.cost(of: found.filter { $0 != out } + [into]) > cost - 1e-9)
        }
      }
    }
  }

  @Test("greedy choice with exchanges is nearly always the best")
  func quality() {
    var (hits, tries) = (0, 0)
    for seed in 0..<20 {
      let problem = problem(10, seed: UInt64(seed))
      for size in 1...9 {
        let cost = problem.cost(of: SwapSearch().subset(of: size, in: problem))
        if cost <= best(problem, size) + 1e-12 { hits += 1 }
        tries += 1
      }
    }
    #expect(Double(hits) >= 0.9 * Double(tries), "\(hits) of \(tries)")
  }

  @Test("an order begins with the half that is chosen, and is a permutation")
  func order() {
    let problem = problem(10, seed: 5)
    for solver in [SwapSearch(), SubsetEvolution()] as [any SubsetSolver] {
      let order = solver.order(problem)
      #expect(order.sorted() == Array(0..<10))
      #expect(order.prefix(5).sorted() == solver.subset(of: 5, in: problem))
      #expect(solver.order(problem) == order)
    }
  }

  @Test("what is left of a problem costs what it adds to the choice made")
  func restricted() {
    let problem = problem(8, seed: 9)
    let part = problem.restricted(to: [1, 4, 6, 7], after: [0, 3])
    let added = problem.cost(of: [0, 3, 4, 7]) - problem.cost(of: [0, 3])
    #expect(abs(part.cost(of: [1, 3]) - added) < 1e-12)
  }
}
