import Allocation
import Devices
import Digests
import Foundation
import NetworkGraph

/// What the allocator needs to know of a network, stored once for all devices.
struct AllocationTables: JobComputation {
  static let stage = Stage.allocation
  static let kind = "allocation-tables-2"

  var groups: [GroupVariable]
  /// By group id.
  var utilities: [Utility]
  /// By resource, as budgets name it.
  var costs: [String: CostPolynomial]
  /// For limits of latency and energy.
  var layers: [NetworkLayer]
  /// For limits of activation bytes.
  var activationSteps: [CostPolynomial]

  func compute(on bench: Workbench) async throws -> Outcome<NoSummary> {
    Outcome(
      NoSummary(), artifacts: [try await bench.artifacts.store(try CanonicalJSON.encode(self))])
  }
}

/// The widths for one device.
struct DeviceAllocation: JobComputation {
  static let stage = Stage.allocation
  static let kind = "device-allocation-3"

  /// Artifact of ``AllocationTables``.
  var tables: Digest
  var device: DeviceProfile
  /// By name.
  var strategy: String

  func compute(on bench: Workbench) async throws -> Outcome<AllocationOutcome> {
    let data = try await bench.artifacts.data(for: tables)
    let tables = try CanonicalJSON.decode(AllocationTables.self, from: data)
    var costs: [BudgetResource: CostPolynomial] = [:]
    for (name, cost) in tables.costs { costs[BudgetResource(rawValue: name) ?? .macs] = cost }
    let problem = try AllocationProblem(
      device: device, groups: tables.groups, utilities: tables.utilities, costs: costs,
      layers: tables.layers, activationSteps: tables.activationSteps,
      table: try await bench.latencyTable(device.tableDigest()))
    let outcome = try await bench.compute { try allocate(problem, strategy: strategy) }
    return Outcome(outcome)
  }
}
