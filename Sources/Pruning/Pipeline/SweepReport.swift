import Allocation
import Devices
import Digests
import Execution
import Foundation
import Importance
import NetworkGraph
import Quantities

/// What a sweep found for one device.
public struct VariantReport: Sendable, Codable, Hashable {
  public enum Status: String, Sendable, Codable {
    /// Pruned, exported and, where asked for, evaluated.
    case ready
    /// Widths chosen, no more was asked for.
    case planned
    /// No widths fit the budgets.
    case infeasible
    /// A job of this device was given up.
    case failed
  }

  /// One budget's limit and what the variant uses of it.
  public struct BudgetUse: Sendable, Codable, Hashable {
    public var limit: Int64
    public var used: Int64
  }

  public var device: String
  public var deviceClass: String
  public var status: Status
  /// Why infeasible or failed.
  public var reason: String?
  public var macs: MACs?
  public var parameters: ParameterCount?
  public var modelBytes: Bytes?
  public var peakActivationBytes: Bytes?
  /// On the evaluation set: after reconstruction, after surgery alone, and of the dense network.
  public var evaluation: Evaluation?
  public var evaluationBefore: Evaluation?
  public var baseline: Evaluation?
  /// For one image, in nanoseconds, and how the least certain part of it is known.
  public var predictedLatency: Int64?
  public var latencySource: LatencySurface.Source?
  /// On the machine of the worker.
  public var latency: LatencyMeasurement?
  public var objective: Double?
  /// No feasible plan has a greater objective.
  public var bound: Double?
  public var gap: Double?
  /// Channels kept, by group name.
  public var widths: [String: Int]?
  /// By resource.
  public var budgets: [String: BudgetUse] = [:]
  public var strategy: String
  /// The exported model: an artifact.
  public var digest: Digest?

  init(device: String, deviceClass: String, strategy: String, status: Status) {
    self.device = device
    self.deviceClass = deviceClass
    self.strategy = strategy
    self.status = status
  }
}

/// What a finished sweep found.
public struct SweepReport: Sendable, Codable, Hashable {
  public var scores: ImportanceScores
  public var baseline: Evaluation?
  public var variants: [VariantReport]
}

extension VariantReport {
  func failed(_ reason: JobFailureReason) -> VariantReport {
    var report = self
    report.status = .failed
    report.reason = reason.message
    return report
  }

  /// - Parameter names: Of the groups, by id.
  mutating func take(_ plan: PruningPlanWidths, names: [String]) {
    objective = plan.objective
    bound = plan.bound
    gap = plan.gap
    widths = Dictionary(uniqueKeysWithValues: zip(names, plan.widths))
    for usage in plan.usage {
      budgets[usage.resource] = BudgetUse(limit: usage.limit, used: usage.used)
    }
  }

  mutating func take(_ cost: NetworkCost) {
    macs = cost.macs
    parameters = cost.parameters
    modelBytes = cost.modelBytes
    peakActivationBytes = cost.peakActivationBytes
  }
}
