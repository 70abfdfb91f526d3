import Allocation
import Devices
import Digests
import Foundation
import NetworkGraph
import Surgery

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
      NoSummary(), artifacts: [try await bench.artifacts.put(try CanonicalJSON.encode(self))])
  }

  /// The same, ready for devices.
  var batch: AllocationBatch {
    AllocationBatch(
      groups: groups, utilities: utilities,
      costs: Dictionary(
        uniqueKeysWithValues: costs.compactMap { name, cost in
          BudgetResource(rawValue: name).map { ($0, cost) }
        }), layers: layers, activationSteps: activationSteps)
  }
}

/// The widths for some devices: as many as make messages cheap beside the work.
struct DeviceAllocations: JobComputation {
  static let stage = Stage.allocation
  static let kind = "device-allocations-2"

  /// Artifact of ``AllocationTables``.
  var tables: Digest
  /// Without remarks.
  var devices: [DeviceProfile]
  /// By name.
  var strategy: String
  /// Relative distance from the bound at which `certified` stops.
  var gap: Double
  /// Plans for each device, at most.
  var count: Int
  /// Whether bigger budgets contain smaller ones; the devices are all there are then.
  var isLadder: Bool

  /// - Returns: By device, its plans, best first, or why there is none.
  func compute(on bench: Workbench) async throws -> Outcome<[[AllocationOutcome]]> {
    // Remembered with what it learns: devices of other batches are of the same few kinds.
    let batch = try await bench.cache.value(for: "allocation/\(tables)") {
      let data = try await bench.artifacts.data(for: tables)
      return (try CanonicalJSON.decode(AllocationTables.self, from: data).batch, 8 * data.count)
    }
    for digest in Set(try devices.compactMap { try $0.tableDigest() }) {
      if let table = try await bench.latencyTable(digest) { batch.add(table, named: digest.hex) }
    }
    let outcomes = try await bench.compute { () -> [[AllocationOutcome]] in
      if isLadder { return try batch.ladder(devices, targetGap: gap).map { [$0] } }
      if count > 1 { return try devices.map { try batch.best(count, for: $0, targetGap: gap) } }
      return try batch.allocate(devices, strategy: strategy, targetGap: gap).map { [$0] }
    }
    return Outcome(outcomes)
  }
}

/// What networks of some widths cost, counted on the networks.
struct PlanCosts: JobComputation {
  static let stage = Stage.allocation
  static let kind = "plan-costs-1"

  var model: Digest
  /// By plan and group.
  var widths: [[Int]]

  func compute(on bench: Workbench) async throws -> Outcome<[NetworkCost]> {
    let model = try await bench.model(model)
    let costs = try await bench.compute {
      try widths.map { widths in
        // Which of its units a group keeps does not change what it costs.
        let kept = zip(model.groups, widths).filter { $0.width > $1 }.map {
          ($0.id, Array(0..<$1))
        }
        return try model.network.pruned(
          ChannelSelection(kept: Dictionary(uniqueKeysWithValues: kept)), groups: model.groups
        ).cost()
      }
    }
    return Outcome(costs)
  }
}

extension DeviceProfile {
  /// Devices in the batches that are allocated together, as places in the list.
  ///
  /// Devices stand in the order of their digests, and a batch ends where the next digest says so,
  /// some sixteen further on: what batches hold depends on neither the catalogue's order nor its
  /// length, so that a device more or less changes the batch it is in and no other.
  static func batches(_ devices: [DeviceProfile]) throws -> [[Int]] {
    let digests = try devices.map { Digest(of: try CanonicalJSON.encode($0.withoutRemarks)).hex }
    var batches: [[Int]] = []
    var isOpen = false
    for place in devices.indices.sorted(by: { digests[$0] < digests[$1] }) {
      if isOpen { batches[batches.count - 1].append(place) } else { batches.append([place]) }
      // The order goes by the first digits, the end by the last.
      isOpen = !digests[place].hasSuffix("0")
    }
    return batches
  }
}
