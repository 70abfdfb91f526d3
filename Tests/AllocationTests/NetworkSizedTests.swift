import Foundation
import NetworkGraph
import TestSupport
import Testing

@testable import Allocation

/// Problems of the size and form of real networks.
@Suite("Allocation of whole networks", .tags(.pure))
struct NetworkSizedTests {
  /// A layer's costs: k² · area MACs and k² parameters for each pair of input and output channels.
  private func add(
    _ a: Int, _ b: Int, area: Int64,
    to costs: inout (macs: CostPolynomial, parameters: CostPolynomial)
  ) {
    costs.macs.products[GroupPair(a, b), default: 0] += 9 * area
    costs.parameters.products[GroupPair(a, b), default: 0] += 9
    costs.parameters.linear[b, default: 0] += 2
  }

  /// Limits of all three resources at shares of the dense network.
  private func problem(
    widths: [Int], costs: (macs: CostPolynomial, parameters: CostPolynomial), shares: [Double],
    utility: (Int) -> Utility
  ) -> AllocationProblem {
    var bytes = CostPolynomial(constant: 9000)
    bytes.linear = costs.parameters.linear.mapValues { 4 * $0 }
    bytes.products = costs.parameters.products.mapValues { 4 * $0 }
    let all = ["macs": costs.macs, "parameters": costs.parameters, "model_bytes": bytes]
    let limits = zip(["macs", "parameters", "model_bytes"], shares).map { resource, share in
      let dense = all[resource]?.value(widths: widths) ?? 0
      return ResourceLimit(resource: resource, limit: Int64(share * Double(dense)))
    }
    let groups = widths.enumerated().map {
      GroupVariable(id: $0, name: "group\($0)", width: $1, isProtected: false)
    }
    return AllocationProblem(
      groups: groups, utilities: widths.indices.map(utility), costs: all, limits: limits)
  }

  /// Three stages of nine blocks at 32², 16² and 8²; each inner group lies between two 3×3
  /// convolutions, its stage's width on both sides (the first of a stage: the one before).
  private func resNet56(shares: [Double], utility: (Int, Int) -> Utility) -> AllocationProblem {
    var widths = [16, 32, 64]
    var costs = (macs: CostPolynomial(), parameters: CostPolynomial())
    for stage in 0..<3 {
      for block in 0..<9 {
        let id = widths.count
        widths.append(16 << stage)
        let area = Int64(1024 >> (2 * stage))
        add(block == 0 ? max(stage - 1, 0) : stage, id, area: area, to: &costs)
        add(id, stage, area: area, to: &costs)
      }
    }
    return problem(widths: widths, costs: costs, shares: shares) { utility($0, widths[$0]) }
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

  @Test("VGG-16 at every width, under two budgets")
  func vgg16() throws {
    let widths = [64, 64, 128, 128, 256, 256, 256, 512, 512, 512, 512, 512, 512]
    var costs = (macs: CostPolynomial(), parameters: CostPolynomial())
    costs.macs.linear[0] = 27 * 1024
    for (layer, area) in [1024, 256, 256, 64, 64, 64, 16, 16, 16, 4, 4, 4].enumerated() {
      add(layer, layer + 1, area: Int64(area), to: &costs)
    }
    try expectGap(
      below: 1e-3,
      problem(widths: widths, costs: costs, shares: [0.4, 0.3]) { _ in .log(importance: 1) })
  }
}
