import Devices
import NetworkGraph
import Solvers

/// The widths of many devices for one network.
///
/// Devices that share grid and kinds of budgets are solved as one problem with many limits: a
/// price tried for one bounds the plans of all. Within one call the answers are the same on every
/// machine; which plan of equal standing a device gets may depend on the devices beside it.
public struct AllocationBatch: Sendable {
  public var groups: [GroupVariable]
  /// In the order of `groups`.
  public var utilities: [Utility]
  public var costs: [BudgetResource: CostPolynomial]
  /// The network's layers, for devices with budgets of latency and energy.
  public var layers: [NetworkLayer] = []
  /// For devices with a budget of activation bytes.
  public var activationSteps: [CostPolynomial] = []
  /// By the name that devices call them.
  public var latencyTables: [String: LatencyTable] = [:]

  public init(
    groups: [GroupVariable], utilities: [Utility], costs: [BudgetResource: CostPolynomial]
  ) {
    self.groups = groups
    self.utilities = utilities
    self.costs = costs
  }

  /// The problem of one device.
  public func problem(for device: DeviceProfile) throws -> AllocationProblem {
    try AllocationProblem(
      device: device, groups: groups, utilities: utilities, costs: costs, layers: layers,
      activationSteps: activationSteps, table: device.latencyTable.flatMap { latencyTables[$0] })
  }

  /// One outcome for each device, in their order.
  ///
  /// - Parameters:
  ///   - strategy: One of ``AllocationStrategies``.
  ///   - targetGap: `certified` stops at a plan this close to its bound, or after little
  ///     branching where that does not come; 0 for the best.
  /// - Throws: ``AllocationError`` where a device and the network contradict each other.
  public func allocate(
    _ devices: [DeviceProfile], strategy: String = "certified", targetGap: Double = 0
  ) throws -> [AllocationOutcome] {
    let chosen = try AllocationStrategies.named(strategy)
    let problems = try devices.map(problem)
    guard chosen is CertifiedStrategy else {
      return try problems.map { problem in
        try problem.validate()
        return chosen.allocate(problem)
      }
    }
    // Who asks for thousands of good plans does not wait for the last few to become better.
    let solver = LagrangianSolver(nodeLimit: targetGap > 0 ? 2 : 400, targetGap: targetGap)
    let certified = CertifiedStrategy(solver: solver)
    var outcomes = [AllocationOutcome?](repeating: nil, count: devices.count)
    for members in alike(problems) {
      try problems[members[0]].validate()
      let solved = certified.allocate(
        problems[members[0]], limits: members.map { problems[$0].limits })
      for (member, outcome) in zip(members, solved) { outcomes[member] = outcome }
    }
    return outcomes.compactMap(\.self)
  }

  /// The places of problems that differ in limits alone.
  private func alike(_ problems: [AllocationProblem]) -> [[Int]] {
    var classes: [(problem: AllocationProblem, members: [Int])] = []
    for (index, problem) in problems.enumerated() {
      let place = classes.firstIndex { $0.problem.isAlike(problem) }
      if let place {
        classes[place].members.append(index)
      } else {
        classes.append((problem, [index]))
      }
    }
    return classes.map(\.members)
  }
}

extension AllocationProblem {
  /// Whether two problems of one network differ in limits alone.
  fileprivate func isAlike(_ other: AllocationProblem) -> Bool {
    channelMultiple == other.channelMultiple && minimumKeepRatio == other.minimumKeepRatio
      && limits.map(\.resource) == other.limits.map(\.resource)
      && limits.map(\.divisor) == other.limits.map(\.divisor) && groups == other.groups
      && limits.allSatisfy {
        costs[$0.resource] == other.costs[$0.resource]
          && layers[$0.resource] == other.layers[$0.resource]
          && steps[$0.resource] == other.steps[$0.resource]
      }
  }
}
