import Devices
import Foundation
import NetworkGraph
import Quantities
import TestSupport
import Testing

@testable import Allocation

@Suite("Allocation", .tags(.pure))
struct AllocationTests {
  /// A random network's worth of groups and costs, and a random device.
  private func randomProblem(_ seed: UInt64) -> AllocationProblem {
    var random = SeededGenerator(seed: seed)
    let count = Int.random(in: 1...9, using: &random)
    let groups = (0..<count).map { id in
      GroupVariable(
        id: id, name: "group\(id)", width: Int.random(in: 1...40, using: &random),
        isProtected: Int.random(in: 0..<5, using: &random) == 0)
    }
    func polynomial() -> CostPolynomial {
      var cost = CostPolynomial(constant: Int64.random(in: 0...200, using: &random))
      for group in 0..<count {
        cost.linear[group] = Int64.random(in: 0...90, using: &random)
        let pair = GroupPair(group, Int.random(in: 0..<count, using: &random))
        cost.products[pair, default: 0] += Int64.random(in: 0...70, using: &random)
      }
      return cost
    }
    let costs = ["macs": polynomial(), "parameters": polynomial(), "model_bytes": polynomial()]
    let dense = groups.map(\.width)
    let limits = costs.keys.sorted().prefix(Int.random(in: 1...3, using: &random)).map {
      let share = Double.random(in: 0.05...1, using: &random)
      return ResourceLimit(
        resource: $0, limit: Int64(share * Double(costs[$0]?.value(widths: dense) ?? 0)))
    }
    let kind = seed % 3
    let utilities = groups.map { group -> Utility in
      let importance = Double.random(in: 0.1...3, using: &random)
      if kind == 0 { return .log(importance: importance) }
      if kind == 1 { return .linear(importance: importance) }
      var table: [Int: Double] = [:]
      for width in 1...group.width {
        table[width] =
          importance * (1 - Double(width) / Double(group.width))
          + Double.random(in: 0...0.1, using: &random)
      }
      return .error(table: table, weight: 2)
    }
    return AllocationProblem(
      groups: groups, utilities: utilities, costs: costs, limits: limits,
      channelMultiple: [1, 2, 4, 8][Int.random(in: 0..<4, using: &random)],
      minimumKeepRatio: [0, 0.1, 0.5][Int.random(in: 0..<3, using: &random)])
  }

  private func isOnGrid(_ width: Int, _ group: GroupVariable, _ problem: AllocationProblem) -> Bool
  {
    if width == group.width { return true }
    return !group.isProtected && width % problem.channelMultiple == 0 && width < group.width
      && width >= 1 && Double(width) >= problem.minimumKeepRatio * Double(group.width) - 1e-6
  }

  @Test("no plan is over a budget or off the grid", arguments: 0..<120)
  func neverOverBudget(seed: Int) throws {
    let problem = randomProblem(UInt64(seed))
    let narrowest = problem.grids().map { $0[0] }
    var objectives: [Double] = []
    for strategy in AllocationStrategies.all.map(\.name).sorted(by: >) {
      switch try allocate(problem, strategy: strategy) {
      case .plan(let plan):
        for limit in problem.limits {
          let used = problem.costs[limit.resource]?.value(widths: plan.widths) ?? .max
          #expect(used <= limit.limit)
        }
        #expect(plan.usage == problem.usage(widths: plan.widths))
        #expect(zip(plan.widths, problem.groups).allSatisfy { isOnGrid($0, $1, problem) })
        #expect(plan.objective <= plan.bound && plan.strategy == strategy)
        expectClose([plan.objective], [problem.utility(widths: plan.widths)], tolerance: 1e-12)
        objectives.append(plan.objective)
      case .infeasible(let reason):
        // Costs grow with widths, so the narrowest plan reaches the least of every resource.
        let usage = problem.usage(widths: narrowest)
        let failing = usage.first { $0.resource == reason.resource }
        #expect(failing?.isWithin == false && failing?.used == reason.leastReachable)
        #expect(!reason.isTogether)
      }
    }
    // Sorted, so that `certified` comes after all but `binary-search`.
    let names = AllocationStrategies.all.map(\.name).sorted(by: >)
    if let certified = names.firstIndex(of: "certified"), objectives.count == names.count {
      #expect(objectives.allSatisfy { $0 <= objectives[certified] + 1e-9 })
    }
  }

  @Test("the dense network is the plan at 100 %")
  func dense() throws {
    var problem = randomProblem(30)
    let dense = problem.groups.map(\.width)
    problem.limits = problem.usage(widths: dense).map {
      ResourceLimit(resource: $0.resource, limit: $0.used)
    }
    for strategy in AllocationStrategies.all.map(\.name) {
      guard case .plan(let plan) = try allocate(problem, strategy: strategy) else {
        Issue.record("the dense network does not fit itself")
        return
      }
      // Evolution finds what it finds; the others start from, or end at, the dense widths.
      #expect(plan.widths == dense && plan.gap == 0 || strategy == "genetic")
    }
  }

  @Test("a device's budgets become limits, shares of the dense network among them")
  func device() throws {
    let groups = [
      GroupVariable(id: 0, name: "a", width: 16, isProtected: false),
      GroupVariable(id: 1, name: "b", width: 10, isProtected: true),
    ]
    let profile = DeviceProfile(
      name: "board",
      budgets: [
        Budget(resource: .macs, amount: .share(0.5)),
        Budget(resource: .parameters, amount: .absolute(120)),
      ], channelMultiple: 4, minimumKeepRatio: 0.3)
    let cost = CostPolynomial(constant: 10, products: [GroupPair(0, 1): 1])
    let problem = try AllocationProblem(
      device: profile, groups: groups,
      utilities: [.log(importance: 1), .log(importance: 1)],
      costs: [.macs: cost, .parameters: cost])
    #expect(problem.limits.map(\.limit) == [85, 120])
    #expect(problem.grids() == [[8, 12, 16], [10]])
    #expect(
      try allocate(problem)
        == .infeasible(InfeasibleBudget(resource: "macs", limit: 85, leastReachable: 90)))
    #expect(throws: AllocationError.self) {
      try AllocationProblem(
        device: profile, groups: groups, utilities: [], costs: [.macs: cost])
    }
  }

  @Test("contradictory problems and unknown strategies are errors")
  func invalid() {
    var problem = randomProblem(4)
    #expect(throws: AllocationError.self) { try allocate(problem, strategy: "certain") }
    problem.utilities.removeLast()
    #expect(throws: AllocationError.self) { try allocate(problem) }
    problem = randomProblem(4)
    problem.limits = [ResourceLimit(resource: "latency", limit: 3)]
    #expect(throws: AllocationError.self) { try allocate(problem) }
    problem = randomProblem(4)
    problem.utilities[0] = .log(importance: .nan)
    #expect(throws: AllocationError.self) { try allocate(problem) }
  }

  @Test("problems and outcomes survive JSON")
  func coding() throws {
    for seed in 0..<6 {
      let problem = randomProblem(UInt64(seed))
      let data = try JSONEncoder().encode(problem)
      #expect(try JSONDecoder().decode(AllocationProblem.self, from: data) == problem)
      let outcome = try allocate(problem)
      let back = try JSONDecoder().decode(
        AllocationOutcome.self, from: try JSONEncoder().encode(outcome))
      #expect(back == outcome)
    }
  }
}
