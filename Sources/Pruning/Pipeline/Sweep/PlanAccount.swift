import Allocation
import Devices
import Digests
import Foundation
import NetworkGraph
import Surgery

/// Why a device has the widths it has.
public struct PlanAccount: Sendable, Codable, CustomStringConvertible {
  public var device: String
  /// Why there is no plan; nil where there is one.
  public var reason: String?
  /// Every plan that was made, best objective first; one is chosen once all are cut.
  public var candidates: [VariantReport.Candidate] = []
  /// Of the chosen plan, or the first.
  public var explanation: PlanExplanation?
  /// The same widths by layer.
  public var layers: [LayerWidth] = []

  public var description: String {
    guard let explanation else { return "\(device) has no plan: \(reason ?? "not known yet")" }
    var lines = [device]
    if candidates.count > 1 {
      for (place, candidate) in candidates.enumerated() {
        let error = candidate.outputError.map {
          String(format: ", changes the outputs by %.4g of their square", $0)
        }
        lines.append(
          String(format: "plan %d: utility %.6g", place + 1, candidate.plan.objective)
            + (error ?? ", not cut") + (candidate.isChosen ? "; chosen" : ""))
      }
    }
    return (lines + ["\(explanation)"]).joined(separator: "\n")
  }
}

extension Pipeline {
  /// What the explanation of a device's plan is made from; nil before the walk has come so far.
  ///
  /// - Throws: ``PipelineError`` with `invalidInput` for a device that the sweep does not have.
  public func explanationArtifacts(of device: String, at walk: Walk) throws -> [Digest]? {
    let device = definition.devices[try place(of: device)]
    return try walk.plan.map { try [$0.tables] + [device.tableDigest()].compactMap(\.self) }
  }

  /// Why a device has its widths, as far as the walk has come.
  ///
  /// - Parameter artifacts: ``explanationArtifacts(of:at:)``, in their order.
  /// - Throws: ``PipelineError`` with `invalidInput` for a device that the sweep does not have.
  public func account(of device: String, at walk: Walk, artifacts: [Data]) throws -> PlanAccount {
    let place = try place(of: device)
    var account = PlanAccount(device: device)
    guard let plan = walk.plan, let answer = walk.allocations[place] else { return account }
    if case .finished(let report) = walk.variants[place] {
      (account.reason, account.candidates) = (report.reason, report.candidates)
    } else if case .outcomes(let outcomes, _) = answer {
      account.candidates = outcomes.compactMap {
        if case .plan(let plan) = $0 { .init(plan: plan, isChosen: false) } else { nil }
      }
    }
    guard
      let chosen = account.candidates.first(where: \.isChosen) ?? account.candidates.first,
      let selection = selection(chosen.plan.widths, plan.orders), let tables = artifacts.first
    else { return account }
    let batch = try CanonicalJSON.decode(AllocationTables.self, from: tables).batch
    let profile = definition.devices[place]
    if let name = profile.latencyTable, artifacts.count > 1 {
      batch.add(try CanonicalJSON.decode(LatencyTable.self, from: artifacts[1]), named: name)
    }
    account.explanation = try batch.problem(for: profile).explanation(of: chosen.plan)
    account.layers = model.network.layerWidths(selection, groups: model.groups)
    return account
  }

  private func place(of device: String) throws -> Int {
    guard let place = definition.devices.firstIndex(where: { $0.name == device }) else {
      throw PipelineError(
        .invalidInput,
        "sweep \(definition.name) has no device '\(device)'; "
          + "`espalier variants --sweep \(definition.name)` lists them")
    }
    return place
  }
}
