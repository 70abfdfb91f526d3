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
  /// Of the shards that variants are fitted to, by layer name.
  var grams: [String: Digest]
}

extension Pipeline {
  /// What the sweep finds for one device, or nil while jobs are missing.
  func variant(
    for device: DeviceProfile, _ answer: Walk.DeviceAnswer, _ plan: VariantPlan,
    _ inquiry: inout Inquiry
  ) throws -> VariantReport? {
    var report = VariantReport(
      device: device.name, deviceClass: device.deviceClass, strategy: definition.recipe.strategy,
      status: .ready)
    guard case .outcomes(let outcomes, let cost) = answer else {
      if case .failed(let reason) = answer { return report.failed(reason) }
      return nil
    }
    var plans: [PruningPlanWidths] = []
    for outcome in outcomes {
      switch outcome {
      case .plan(let plan): plans.append(plan)
      case .infeasible(let infeasible):
        report.status = .infeasible
        report.reason = "\(infeasible)"
        return report
      }
    }
    report.candidates = plans.map { .init(plan: $0, isChosen: false) }
    if let cost {
      report.choose(0, names: model.groups.map(\.name))
      report.status = .planned
      report.take(cost)
      return report
    }
    return try finish(report, device, plan, &inquiry)
  }

  /// Surgery of every plan, and evaluation of the one that changes the network least.
  private func finish(
    _ draft: VariantReport, _ device: DeviceProfile, _ plan: VariantPlan,
    _ inquiry: inout Inquiry
  ) throws -> VariantReport? {
    var report = draft
    var chosen: (place: Int, outcome: Outcome<PlanSurgery.Summary>)?
    var failure: JobFailureReason?
    var isWaiting = false
    for place in report.candidates.indices {
      let label = place == 0 ? report.device : "\(report.device), plan \(place + 1)"
      switch try fitted(report.candidates[place].plan, plan, label, &inquiry) {
      case nil: isWaiting = true
      case .failure(let reason): failure = failure ?? reason
      case .success(let outcome):
        let error = outcome.summary.outputError
        report.candidates[place].outputError = error
        // The first of equal ones: it has the better objective.
        if error < chosen?.outcome.summary.outputError ?? .infinity { chosen = (place, outcome) }
      }
    }
    if isWaiting { return nil }
    guard let chosen else { return failure.map { report.failed($0) } }
    report.choose(chosen.place, names: model.groups.map(\.name))
    return try evaluate(report, device, chosen.outcome, &inquiry)
  }

  /// A plan's network, fitted as the recipe says.
  private func fitted(
    _ plan: PruningPlanWidths, _ shared: VariantPlan, _ label: String, _ inquiry: inout Inquiry
  ) throws -> Attempt<PlanSurgery.Summary>? {
    let attempt = try surgery(of: plan, shared, label, &inquiry)
    guard recipe.reconstruction == .joint, case .success(let outcome) = attempt,
      outcome.summary.isOpen
    else { return attempt }
    return try trained(outcome, label, &inquiry)
  }

  /// A variant after stretches of steps that train all layers together: the one of them that is
  /// nearest to the dense network, which may be none.
  private func trained(
    _ surgery: Outcome<PlanSurgery.Summary>, _ label: String, _ inquiry: inout Inquiry
  ) throws -> Attempt<PlanSurgery.Summary>? {
    let split = split
    let (shards, heldBack) = (
      Array(calibration.shards[split.fitted]), Array(calibration.shards[split.heldBack])
    )
    var best = surgery
    var least = Double.infinity
    var (network, momentum) = (surgery.artifacts[1], Digest?.none)
    for stretch in JointReconstruction.stretches(of: recipe.jointSteps) {
      let attempt = try inquiry.attempt(
        JointTraining(
          model: model.digest, network: network, momentum: momentum, first: stretch.lowerBound,
          end: stretch.upperBound, steps: recipe.jointSteps, shards: shards, heldBack: heldBack,
          mirrors: recipe.mirrors, microBatch: recipe.microBatch),
        label: "\(label), steps \(stretch.lowerBound + 1) to \(stretch.upperBound)",
        weight: trainingWork(steps: stretch.count))
      switch attempt {
      case nil: return nil
      case .failure(let reason): return .failure(reason)
      case .success(let outcome):
        if let error = outcome.summary.errorBefore {
          // By the same samples as what follows, which are fewer where there is one shard.
          (least, best.summary.outputError) = (error, error)
        }
        guard let error = outcome.summary.error else { return .success(best) }
        (network, momentum) = (outcome.artifacts[0], outcome.artifacts.dropFirst().first)
        guard error < least else { continue }
        least = error
        best.artifacts[1] = network
        best.summary.outputError = error
        best.summary.reconstruction = ReconstructionKind.joint.rawValue
      }
    }
    return .success(best)
  }

  private func surgery(
    of plan: PruningPlanWidths, _ shared: VariantPlan, _ label: String, _ inquiry: inout Inquiry
  ) throws -> Attempt<PlanSurgery.Summary>? {
    let recipe = definition.recipe
    guard let selection = selection(plan.widths, shared.orders) else { return nil }
    let split = split
    return try inquiry.attempt(
      PlanSurgery(
        model: model.digest, modelName: definition.model.name, selection: selection,
        grams: shared.grams, shards: Array(calibration.shards[split.fitted]),
        heldBack: Array(calibration.shards[split.heldBack]), exchanges: recipe.exchanges,
        reconstruction: recipe.reconstruction.byLayer,
        sequentialDamping: recipe.sequentialDamping, meanWeight: recipe.meanWeight,
        mirrors: recipe.mirrors, positions: positionsPerImage, microBatch: recipe.microBatch),
      label: label, weight: surgeryWork)
  }

  private func evaluate(
    _ draft: VariantReport, _ device: DeviceProfile, _ surgery: Outcome<PlanSurgery.Summary>,
    _ inquiry: inout Inquiry
  ) throws -> VariantReport? {
    var report = draft
    let summary = surgery.summary
    report.macs = summary.macs
    report.parameters = summary.parameters
    report.modelBytes = summary.modelBytes
    report.peakActivationBytes = summary.peakActivationBytes
    report.reconstruction = summary.reconstruction
    report.digest = surgery.artifacts[1]
    let share = Double(summary.macs.count) / max(forward, 1)
    var final = surgery.artifacts[1]
    if let command = recipe.recoverWith {
      let recovery = try inquiry.attempt(
        ExternalRecovery(model: final, command: command, minutes: recipe.recoveryMinutes),
        label: report.device, weight: 0)
      switch recovery {
      case nil: return nil
      case .failure(let reason): return report.failed(reason)
      case .success(let outcome): final = outcome.artifacts[0]
      }
      report.digest = final
    }
    let before = try evaluation(
      of: surgery.artifacts[0], label: "\(report.device) before", share: share, &inquiry)
    let fitted = try evaluation(
      of: surgery.artifacts[1],
      label: recipe.recoverWith == nil ? report.device : "\(report.device) fitted", share: share,
      &inquiry)
    let after =
      recipe.recoverWith == nil
      ? fitted : try evaluation(of: final, label: report.device, share: share, &inquiry)
    for measurement in [before, fitted, after] {
      if case .failed(let reason) = measurement { return report.failed(reason) }
      if measurement == .pending { return nil }
    }
    guard let latency = try latency(of: final, device, &inquiry) else { return nil }
    switch latency {
    case .failure(let reason): return report.failed(reason)
    case .success(let outcome):
      report.predictedLatency = outcome.summary.predicted
      report.latencySource = outcome.summary.source
      report.latency = outcome.summary.measured
    }
    report.evaluation = after.evaluation
    report.evaluationBefore = before.evaluation
    report.evaluationFitted = recipe.recoverWith == nil ? nil : fitted.evaluation
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
  func selection(
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
