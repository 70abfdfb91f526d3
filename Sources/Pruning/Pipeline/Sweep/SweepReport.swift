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

  /// A plan that was made and tried for a device.
  public struct Candidate: Sendable, Codable, Hashable {
    public var plan: PruningPlanWidths
    /// Relative squared change of the outputs on calibration images held back; nil where the plan
    /// was not cut.
    public var outputError: Double?
    public var isChosen: Bool
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
  /// On the evaluation set: as exported, after surgery alone, and of the dense network.
  public var evaluation: Evaluation?
  public var evaluationBefore: Evaluation?
  /// After reconstruction, where a user's own recovery followed it.
  public var evaluationFitted: Evaluation?
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
  /// Every plan of the device, best objective first.
  public var candidates: [Candidate] = []
  /// The fit that was kept; nil where nothing was cut out.
  public var reconstruction: String?
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

  /// The report once it is known what the dense network does.
  func compared(with baseline: Measurement) -> VariantReport {
    guard status == .ready else { return self }
    if case .failed(let reason) = baseline { return failed(reason) }
    var report = self
    report.baseline = baseline.evaluation
    return report
  }

  /// - Parameters:
  ///   - bound: No plan has a greater objective.
  ///   - names: Of the groups, by id.
  mutating func take(_ plan: PruningPlanWidths, bound: Double, names: [String]) {
    objective = plan.objective
    self.bound = bound
    gap = bound == plan.bound ? plan.gap : plan.gap(to: bound)
    widths = Dictionary(uniqueKeysWithValues: zip(names, plan.widths))
    for usage in plan.usage {
      budgets[usage.resource] = BudgetUse(limit: usage.limit, used: usage.used)
    }
  }

  /// Makes one of the candidates the device's plan.
  mutating func choose(_ place: Int, names: [String]) {
    candidates[place].isChosen = true
    take(candidates[place].plan, bound: candidates[0].plan.bound, names: names)
  }

  mutating func take(_ cost: NetworkCost) {
    macs = cost.macs
    parameters = cost.parameters
    modelBytes = cost.modelBytes
    peakActivationBytes = cost.peakActivationBytes
  }
}
