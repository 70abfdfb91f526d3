import Allocation
import Devices
import NetworkGraph
import ONNXFormat
import Quantities
import Surgery
import TestSupport
import Testing

/// Allocation, surgery and export on every network of the zoo: what is counted on the file that
/// was written is within every budget.
@Suite(.tags(.backend))
struct ZooBudgetTests {
  private static let strategies = [
    "certified", "uniform", "greedy", "binary-search", "log-continuous", "released",
  ]

  @Test("no plan is over budget, counted on the exported file", arguments: ZooNetwork.all)
  func neverOver(entry: ZooNetwork) throws {
    let network = try entry.read()
    let groups = network.channelGroups()
    let costs = network.costModel(groups: groups)
    var generator = SeededGenerator(seed: 21)
    let batch = AllocationBatch(
      groups: groups.map { GroupVariable($0, in: network) },
      utilities: groups.map { _ in .log(importance: .random(in: 0.2...3, using: &generator)) },
      costs: [.macs: costs.macs, .parameters: costs.parameters, .modelBytes: costs.modelBytes],
      activationSteps: network.activationSteps(groups: groups))
    var plans = 0
    for trial in 0..<12 {
      let device = Self.device(trial, using: &generator)
      let outcome = try batch.allocate(
        [device], strategy: Self.strategies[trial % Self.strategies.count], targetGap: 0.01)[0]
      let problem = try batch.problem(for: device)
      switch outcome {
      case .plan(let plan):
        plans += 1
        let exported = try Self.exported(network, plan.widths, groups, using: &generator)
        for (usage, budget) in zip(plan.usage, device.budgets) {
          let used = Self.amount(of: budget.resource, exported.cost(), bits: device.weightBits)
          #expect(used == usage.used, "\(device.name): \(budget.resource) is counted otherwise")
          #expect(used <= usage.limit, "\(device.name) is over its budget of \(budget)")
        }
        for (width, grid) in zip(plan.widths, problem.grids()) { #expect(grid.contains(width)) }
      case .infeasible(let reason):
        // The narrowest network there is takes more than the budget.
        let least = try Self.exported(
          network, problem.grids().map { $0[0] }, groups, using: &generator)
        let resource = try #require(BudgetResource(rawValue: reason.resource))
        let used = Self.amount(of: resource, least.cost(), bits: device.weightBits)
        #expect(reason.leastReachable == used && used > reason.limit && !reason.isTogether)
      }
    }
    #expect(plans > 0)
  }

  /// Random budgets, on one resource or several, absolute widths and alignments.
  private static func device(
    _ trial: Int, using generator: inout SeededGenerator
  ) -> DeviceProfile {
    let all = BudgetResource.allCases.filter {
      [.macs, .parameters, .modelBytes, .weightBytes, .activationBytes].contains($0)
    }
    let limited = all.filter { _ in Bool.random(using: &generator) }
    let budgets = (limited.isEmpty ? [.macs] : limited).map { resource in
      // The first device has a plan on any network; a network may give way to few others.
      Budget(
        resource: resource,
        amount: .share(trial == 0 ? 1 : .random(in: 0.05...1, using: &generator)))
    }
    let multiples = [1, 2, 3, 4, 8]
    return DeviceProfile(
      name: "device \(trial)", budgets: budgets,
      channelMultiple: multiples.randomElement(using: &generator) ?? 1,
      operatorMultiples: trial % 3 == 0
        ? [
          OperatorMultiple(
            kind: .depthwise, multiple: multiples.randomElement(using: &generator) ?? 1)
        ] : [], minimumKeepRatio: .random(in: 0.05...0.5, using: &generator),
      weightBits: [3, 4, 8, 32].randomElement(using: &generator) ?? 32)
  }

  /// The network with as many random channels, as its file says.
  private static func exported(
    _ network: Network, _ widths: [Int], _ groups: [ChannelGroup],
    using generator: inout SeededGenerator
  ) throws -> Network {
    var selection = ChannelSelection()
    for group in groups where widths[group.id] < group.width {
      selection.kept[group.id] =
        (0..<group.width).shuffled(using: &generator).prefix(widths[group.id]).sorted()
    }
    let file = try ONNXModel.encode(try network.pruned(selection, groups: groups))
    return try ONNXModel.decode(file, name: "exported")
  }

  private static func amount(of resource: BudgetResource, _ cost: NetworkCost, bits: Int) -> Int64 {
    switch resource {
    case .macs: cost.macs.count
    case .parameters: cost.parameters.count
    case .modelBytes: cost.modelBytes.count
    case .weightBytes: (cost.parameters.count * Int64(bits) + 7) / 8
    case .activationBytes: cost.peakActivationBytes.count
    // No device here has any; see LimitPropertyTests.
    case .latency, .energy: -1
    }
  }
}
