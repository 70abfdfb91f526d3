import Devices
import Foundation
import Quantities
import TestSupport
import Testing

@testable import Allocation

@Suite("Ladders, best plans, explanations", .tags(.pure))
struct PlanFamilyTests {
  private func problem(_ seed: UInt64, multiple: Int = 2) -> AllocationProblem {
    var random = SeededGenerator(seed: seed)
    return NetworkShape.resNetCIFAR(depth: 20).problem(shares: [0.5, 0.6], multiple: multiple) {
      _ in
      .log(importance: .random(in: 0.2...3, using: &random))
    }
  }

  private func batch(_ problem: AllocationProblem) -> AllocationBatch {
    AllocationBatch(
      groups: problem.groups, utilities: problem.utilities,
      costs: [.macs: problem.costs["macs"], .parameters: problem.costs["parameters"]]
        .compactMapValues(\.self))
  }

  /// Asks for what `problem(_:multiple: 8)` does.
  private let device = DeviceProfile(
    name: "device",
    budgets: [
      Budget(resource: .macs, amount: .share(0.5)),
      Budget(resource: .parameters, amount: .share(0.6)),
    ], channelMultiple: 8)

  private func limits(_ problem: AllocationProblem, share: Double) -> [ResourceLimit] {
    problem.limits.map {
      ResourceLimit(resource: $0.resource, limit: Int64(share * Double($0.limit)))
    }
  }

  @Test("a bigger budget's widths contain a smaller one's", arguments: 0..<4)
  func ladder(seed: Int) throws {
    let problem = problem(UInt64(seed))
    let shares = [0.8, 0.3, 1.2, 0.5, 0.001]
    let outcomes = try problem.ladder(shares.map { limits(problem, share: $0) })
    var plans: [(share: Double, plan: PruningPlanWidths)] = []
    for (share, outcome) in zip(shares, outcomes) {
      if case .plan(let plan) = outcome { plans.append((share, plan)) }
    }
    #expect(plans.count == 4)
    plans.sort { $0.share < $1.share }
    for (lower, upper) in zip(plans, plans.dropFirst()) {
      #expect(zip(lower.plan.widths, upper.plan.widths).allSatisfy { $0 <= $1 })
      #expect(lower.plan.usage.allSatisfy(\.isWithin) && upper.plan.usage.allSatisfy(\.isWithin))
      #expect(lower.plan.objective <= upper.plan.objective)
    }
  }

  @Test("budgets that do not contain each other make no ladder")
  func noLadder() {
    let problem = problem(1)
    var crossed = limits(problem, share: 0.9)
    crossed[1].limit = problem.limits[1].limit * 2
    #expect(throws: AllocationError.self) { try problem.ladder([problem.limits, crossed]) }
    #expect(throws: AllocationError.self) { try problem.ladder([Array(problem.limits.prefix(1))]) }
    #expect(throws: AllocationError.self) { try batch(problem).best(0, for: device) }
  }

  @Test("the best few plans are distinct, in order and within the budgets")
  func best() throws {
    let problem = problem(2, multiple: 8)
    let plans = try batch(problem).best(5, for: device).compactMap {
      outcome -> PruningPlanWidths? in
      if case .plan(let plan) = outcome { plan } else { nil }
    }
    #expect(plans.count == 5)
    #expect(Set(plans.map(\.widths)).count == 5)
    #expect(plans.allSatisfy { $0.usage.allSatisfy(\.isWithin) && $0.objective <= $0.bound })
    #expect(zip(plans, plans.dropFirst()).allSatisfy { $0.objective >= $1.objective })
    guard case .plan(let single) = try allocate(problem) else {
      Issue.record("no plan")
      return
    }
    #expect(plans[0].objective >= single.objective - 1e-9)
  }

  @Test("an explanation's figures are those of the plans it speaks of")
  func explanation() throws {
    let problem = problem(3, multiple: 1)
    guard case .plan(let plan) = try allocate(problem) else {
      Issue.record("no plan")
      return
    }
    let explanation = problem.explanation(of: plan)
    #expect(explanation.groups.count == problem.groups.count)
    for (index, group) in explanation.groups.enumerated() {
      var dense = plan.widths
      dense[index] = group.dense
      expectClose(
        [group.lost], [problem.utility(widths: dense) - plan.objective], tolerance: 1e-9)
      #expect(
        group.saved
          == zip(problem.usage(widths: dense), plan.usage).map { $0.used - $1.used })
      guard let wider = group.wider else {
        #expect(group.width == group.dense)
        continue
      }
      var widened = plan.widths
      widened[index] = wider.width
      #expect(wider.fits == problem.usage(widths: widened).allSatisfy(\.isWithin))
      // No step that gains fits, or the plan would not be the best.
      #expect(!wider.fits || wider.utility <= 1e-9)
    }
    let text = explanation.description
    #expect(text.contains("group3: 16 → \(plan.widths[3])"))
    let data = try JSONEncoder().encode(explanation)
    #expect(try JSONDecoder().decode(PlanExplanation.self, from: data) == explanation)
  }
}
