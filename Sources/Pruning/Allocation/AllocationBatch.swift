import Devices
import NetworkGraph
import Solvers
import Synchronization

/// The widths of many devices for one network.
///
/// Devices that share grid and kinds of budgets share a ``LagrangianPath``: what is learnt before
/// any budget is looked at. A device's answer depends on the device alone, not on the others or
/// their order.
public final class AllocationBatch: Sendable {
  public let groups: [GroupVariable]
  /// In the order of `groups`.
  public let utilities: [Utility]
  public let costs: [BudgetResource: CostPolynomial]
  /// The network's layers, for devices with budgets of latency and energy.
  public let layers: [NetworkLayer]
  /// For devices with a budget of activation bytes.
  public let activationSteps: [CostPolynomial]
  private let kinds = Mutex<[Kind]>([])
  private let latencyTables = Mutex<[String: LatencyTable]>([:])

  /// Problems that differ in limits alone.
  private struct Kind {
    var problem: AllocationProblem
    var path: LagrangianPath
  }

  public init(
    groups: [GroupVariable], utilities: [Utility], costs: [BudgetResource: CostPolynomial],
    layers: [NetworkLayer] = [], activationSteps: [CostPolynomial] = []
  ) {
    self.groups = groups
    self.utilities = utilities
    self.costs = costs
    self.layers = layers
    self.activationSteps = activationSteps
  }

  /// Makes a table known by the name that devices call it; one name means one table for good.
  public func add(_ table: LatencyTable, named name: String) {
    latencyTables.withLock { $0[name] = table }
  }

  /// - Throws: ``AllocationError`` where device and network contradict each other.
  public func problem(for device: DeviceProfile) throws -> AllocationProblem {
    let table = device.latencyTable.flatMap { name in latencyTables.withLock { $0[name] } }
    let problem = try AllocationProblem(
      device: device, groups: groups, utilities: utilities, costs: costs, layers: layers,
      activationSteps: activationSteps, table: table)
    do {
      try problem.validate()
    } catch {
      throw AllocationError(error.code, "\(device.name): \(error.message)")
    }
    return problem
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
    return try devices.map { device in
      guard chosen is CertifiedStrategy else { return chosen.allocate(try problem(for: device)) }
      return try best(1, for: device, targetGap: targetGap)[0]
    }
  }

  /// The best distinct plans for a device, best first: at most `count`.
  ///
  /// The bound of each is for every plan that does not stand before it. Where no plan is within the
  /// budgets, the one outcome says why.
  ///
  /// - Throws: ``AllocationError`` where the device and the network contradict each other.
  public func best(
    _ count: Int, for device: DeviceProfile, targetGap: Double = 0
  ) throws -> [AllocationOutcome] {
    guard count >= 1 else {
      throw AllocationError(.invalidProblem, "\(count) plans are none; ask for at least 1")
    }
    let problem = try problem(for: device)
    let solutions = path(for: problem).solve(
      limits: problem.owners.map { problem.limits[$0].limitOfCost }, count: count,
      by: .certifying(to: targetGap))
    let grids = problem.grids()
    return solutions.map { problem.outcome(of: $0, grids: grids, strategy: "certified") }
  }

  /// One outcome for each device, such that a bigger budget's widths are nowhere below a smaller
  /// one's; see ``AllocationProblem/ladder(_:targetGap:)``.
  ///
  /// - Throws: ``AllocationError`` where devices differ in more than how much they allow, or their
  ///   budgets do not contain each other.
  public func ladder(
    _ devices: [DeviceProfile], targetGap: Double = 0
  ) throws -> [AllocationOutcome] {
    let problems = try rungs(devices)
    return try problems.first?.ladder(problems.map(\.limits), targetGap: targetGap) ?? []
  }

  /// The problems of devices that can stand on one ladder.
  ///
  /// - Throws: ``AllocationError`` where they cannot.
  public func rungs(_ devices: [DeviceProfile]) throws -> [AllocationProblem] {
    let problems = try devices.map(problem)
    guard let first = problems.first else { return [] }
    for (device, problem) in zip(devices, problems) where !first.isAlike(problem) {
      throw AllocationError(
        .invalidProblem,
        """
        \(device.name) asks for other widths or other kinds of budgets than \(devices[0].name); \
        the rungs of a ladder may differ in how much they allow alone
        """)
    }
    _ = try first.ascending(problems.map(\.limits), names: devices.map(\.name))
    return problems
  }

  private func path(for problem: AllocationProblem) -> LagrangianPath {
    func known(_ kinds: [Kind]) -> LagrangianPath? {
      kinds.first { $0.problem.isAlike(problem) }?.path
    }
    if let path = kinds.withLock({ known($0) }) { return path }
    // Two threads may both come here: what they make is the same.
    let path = LagrangianPath(problem.choices(grids: problem.grids()))
    return kinds.withLock { kinds in
      if let path = known(kinds) { return path }
      kinds.append(Kind(problem: problem, path: path))
      return path
    }
  }
}

extension LagrangianSolver {
  /// Who asks for thousands of good plans does not wait for the last few to become better.
  static func certifying(to targetGap: Double) -> LagrangianSolver {
    LagrangianSolver(nodeLimit: targetGap > 0 ? 2 : 400, targetGap: targetGap)
  }
}

extension AllocationProblem {
  /// Whether two problems differ in how much is allowed alone.
  func isAlike(_ other: AllocationProblem) -> Bool {
    guard limits.count == other.limits.count else { return false }
    var same = other
    for index in limits.indices { same.limits[index].limit = limits[index].limit }
    return same == self
  }
}
