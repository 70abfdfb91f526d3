import Foundation
import TestSupport
import Testing

@testable import Allocation

/// Problems of the size and form of real networks.
@Suite("Allocation of whole networks", .tags(.pure))
struct NetworkSizedTests {
  private func resNet56(shares: [Double], utility: (Int, Int) -> Utility) -> AllocationProblem {
    let shape = NetworkShape.resNetCIFAR(depth: 56)
    return shape.problem(shares: shares) { utility($0, shape.widths[$0]) }
  }

  private func expectGap(below limit: Double, _ problem: AllocationProblem) throws {
    guard case .plan(let plan) = try allocate(problem) else {
      Issue.record("the budgets cannot be met")
      return
    }
    #expect(plan.gap <= limit, "gap \(plan.gap)")
    #expect(plan.usage.allSatisfy { $0.isWithin })
  }

  @Test("ResNet-56 under a budget of MACs, log utility", arguments: [0.7, 0.5, 0.3, 0.1])
  func oneBudget(share: Double) throws {
    var random = SeededGenerator(seed: 7)
    try expectGap(
      below: 1e-3,
      resNet56(shares: [share]) { _, _ in .log(importance: .random(in: 0.3...3, using: &random)) })
  }

  @Test("ResNet-56 under three budgets, measured errors", arguments: [0.7, 0.5, 0.3])
  func threeBudgets(share: Double) throws {
    var random = SeededGenerator(seed: 11)
    try expectGap(
      below: 1e-2,
      resNet56(shares: [share, share * 0.9, share * 0.9]) { _, width in
        let power = Double.random(in: 1...3, using: &random)
        var table: [Int: Double] = [:]
        for kept in 1...width {
          let noise = Double.random(in: 0.98...1.02, using: &random)
          table[kept] = Foundation.pow(1 - Double(kept) / Double(width), power) * noise
        }
        return .error(table: table, weight: .random(in: 0.2...3, using: &random))
      })
  }

  @Test("a chain of depthwise and pointwise layers at every width, under two budgets")
  func mobileNet() throws {
    try expectGap(
      below: 1e-3,
      NetworkShape.mobileNetV1().problem(shares: [0.4, 0.3]) { _ in .log(importance: 1) })
  }

  @Test("ResNet-50's form on widths of eight, under one and three budgets")
  func resNet50() throws {
    let shape = NetworkShape.resNet50()
    for shares in [[0.5], [0.5, 0.45, 0.45]] {
      var random = SeededGenerator(seed: 3)
      try expectGap(
        below: shares.count == 1 ? 1e-3 : 1e-2,
        shape.problem(shares: shares, multiple: 8) { _ in
          .log(importance: .random(in: 0.3...3, using: &random))
        })
    }
  }
}
