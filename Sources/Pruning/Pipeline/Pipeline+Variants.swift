import Allocation
import Devices
import Digests
import NetworkGraph
import Quantities
import Surgery

/// What all devices of a sweep share once scores, Grams and orders are known.
struct VariantPlan {
  /// Artifact of ``AllocationTables``.
  var tables: Digest
  /// By group id.
  var orders: [Int: GroupOrder.Summary]
  /// By layer name.
  var grams: [String: Digest]
  var baseline: Measurement
}

extension Pipeline {
  /// What the sweep finds for one device, or nil while jobs are missing.
  func variant(
    for device: DeviceProfile, _ plan: VariantPlan, _ inquiry: inout Inquiry
  ) throws -> VariantReport? {
    let recipe = definition.recipe
    var report = VariantReport(
      device: device.name, deviceClass: device.deviceClass, strategy: recipe.strategy,
      status: .ready)
    let allocation = try inquiry.attempt(
      DeviceAllocation(
        tables: plan.tables, device: device.withoutRemarks, strategy: recipe.strategy),
      label: device.name, weight: 0)
    switch allocation {
    case nil: return nil
    case .failure(let reason): return report.failed(reason)
    case .success(let outcome):
      switch outcome.summary {
      case .infeasible(let infeasible):
        report.status = .infeasible
        report.reason = "\(infeasible)"
        return report
      case .plan(let widths):
        report.take(widths, names: model.groups.map(\.name))
        guard let selection = selection(widths.widths, plan.orders) else { return nil }
        return try finish(report, device, selection, plan, &inquiry)
      }
    }
  }

  /// Surgery and evaluation of a plan.
  private func finish(
    _ draft: VariantReport, _ device: DeviceProfile, _ selection: ChannelSelection,
    _ plan: VariantPlan,
    _ inquiry: inout Inquiry
  ) throws -> VariantReport? {
    var report = draft
    let recipe = definition.recipe
    if recipe.plansOnly {
      let network = try model.network.pruned(selection, groups: model.groups)
      report.status = .planned
      report.take(network.cost())
      return report
    }
    let forward = Double(model.network.cost().macs.count)
    let surgery = try inquiry.attempt(
      PlanSurgery(
        model: model.digest, modelName: definition.model.name, selection: selection,
        grams: plan.grams, shards: definition.calibration.shards,
        reconstruction: recipe.reconstruction, sequentialDamping: recipe.sequentialDamping,
        positions: recipe.gramPositions, microBatch: recipe.microBatch),
      label: report.device, weight: 3 * Double(definition.calibration.count) * forward)
    guard let surgery else { return nil }
    guard case .success(let outcome) = surgery else {
      if case .failure(let reason) = surgery { return report.failed(reason) }
      return nil
    }
    let summary = outcome.summary
    report.macs = summary.macs
    report.parameters = summary.parameters
    report.modelBytes = summary.modelBytes
    report.peakActivationBytes = summary.peakActivationBytes
    report.digest = outcome.artifacts[1]
    let share = Double(summary.macs.count) / max(forward, 1)
    let before = try evaluation(
      of: outcome.artifacts[0], label: "\(report.device) before", share: share, &inquiry)
    let after = try evaluation(
      of: outcome.artifacts[1], label: report.device, share: share, &inquiry)
    for measurement in [plan.baseline, before, after] {
      if case .failed(let reason) = measurement { return report.failed(reason) }
      if measurement == .pending { return nil }
    }
    guard let latency = try latency(of: outcome.artifacts[1], device, &inquiry) else {
      return nil
    }
    switch latency {
    case .failure(let reason): return report.failed(reason)
    case .success(let outcome):
      report.predictedLatency = outcome.summary.predicted
      report.latencySource = outcome.summary.source
      report.latency = outcome.summary.measured
    }
    report.evaluation = after.evaluation
    report.evaluationBefore = before.evaluation
    report.baseline = plan.baseline.evaluation
    return report
  }

  /// How long a variant takes on its device, as far as that is known or asked for; nil while the
  /// job is still to be done.
  private func latency(
    of model: Digest, _ device: DeviceProfile, _ inquiry: inout Inquiry
  ) throws -> Attempt<LatencyEvaluation.Summary>? {
    let repeats = definition.recipe.latencyRepeats
    guard device.latencyTable != nil || device.roofline != nil || repeats > 0 else {
      return .success(Outcome(LatencyEvaluation.Summary()))
    }
    return try inquiry.attempt(
      LatencyEvaluation(
        model: model, table: device.tableDigest(), roofline: device.roofline, repeats: repeats),
      label: "\(device.name) latency", weight: 0)
  }

  /// The units that stay: those that would be removed last.
  private func selection(
    _ widths: [Int], _ orders: [Int: GroupOrder.Summary]
  ) -> ChannelSelection? {
    var selection = ChannelSelection()
    for group in model.groups where widths[group.id] < group.width {
      guard let order = orders[group.id]?.removalOrder else { return nil }
      let removed = Set(order.prefix(group.width - widths[group.id]))
      selection.kept[group.id] = (0..<group.width).filter { !removed.contains($0) }
    }
    return selection
  }
}
