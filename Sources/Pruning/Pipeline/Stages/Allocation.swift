import Allocation
import Devices
import Digests
import Foundation
import NetworkGraph

/// What the allocator needs to know of a network, stored once for all devices.
struct AllocationTables: JobComputation {
  static let stage = Stage.allocation
  static let kind = "allocation-tables-1"

  var groups: [GroupVariable]
  /// By group id.
  var utilities: [Utility]
  /// By resource, as budgets name it.
  var costs: [String: CostPolynomial]

  func compute(on bench: Workbench) async throws -> Outcome<NoSummary> {
    Outcome(
      NoSummary(), artifacts: [try await bench.artifacts.store(try CanonicalJSON.encode(self))])
  }
}

/// The widths for one device.
struct DeviceAllocation: JobComputation {
  static let stage = Stage.allocation
  static let kind = "device-allocation-1"

  /// Artifact of ``AllocationTables``.
  var tables: Digest
  var device: DeviceProfile
  /// By name.
  var strategy: String

  func compute(on bench: Workbench) async throws -> Outcome<AllocationOutcome> {
    let data = try await bench.artifacts.data(for: tables)
    let tables = try CanonicalJSON.decode(AllocationTables.self, from: data)
    let problem = try problem(tables)
    let outcome = try await bench.compute { try allocate(problem, strategy: strategy) }
    return Outcome(outcome)
  }

  private func problem(_ tables: AllocationTables) throws -> AllocationProblem {
    let dense = tables.groups.map(\.width)
    let limits = try device.budgets.map { budget in
      guard let cost = tables.costs[budget.resource.rawValue] else {
        throw PipelineError(
          .invalidInput, "device \(device.name): there is no cost of \(budget.resource.name)")
      }
      return ResourceLimit(
        resource: budget.resource.rawValue, limit: budget.limit(dense: cost.value(widths: dense)))
    }
    return AllocationProblem(
      groups: tables.groups, utilities: tables.utilities, costs: tables.costs, limits: limits,
      channelMultiple: device.channelMultiple, minimumKeepRatio: device.minimumKeepRatio)
  }
}
