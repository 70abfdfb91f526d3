import Allocation
import Devices
import Digests
import Importance
import NetworkGraph

/// How far a pipeline has come, so that the same way need not be gone again for every result.
///
/// Holds nothing that does not follow from the results: it may be dropped at any time. It is right
/// as long as results are only added to.
public struct Walk: Sendable {
  var conclusions = Conclusions()
  /// Once all that devices share is known.
  var plan: VariantPlan?
  var baseline = Measurement.pending
  /// By place of the device in the catalogue.
  var allocations: [Int: DeviceAnswer] = [:]
  var variants: [Int: Standing] = [:]

  public init() {}

  /// Jobs whose results no later walk asks for, each once: they may be forgotten.
  public mutating func takeSpent() -> [Digest] { conclusions.takeSpent() }

  /// What the allocator says to a device.
  enum DeviceAnswer {
    /// The outcomes, and in a sweep that only plans the cost of the first.
    case outcomes([AllocationOutcome], NetworkCost?)
    case failed(JobFailureReason)
  }

  /// Where a device stands.
  enum Standing {
    /// For these jobs; before one of them has an answer, nothing changes.
    case waiting([Job])
    case finished(VariantReport)
  }
}

extension Pipeline {
  /// Where the sweep stands, given what is known.
  public func advance(_ results: Results) throws -> Step {
    var walk = Walk()
    return try advance(results, from: &walk)
  }

  /// The same, from where an earlier call with fewer results had come.
  public func advance(_ results: Results, from walk: inout Walk) throws -> Step {
    var inquiry = Inquiry(results, walk.conclusions)
    defer { walk.conclusions = inquiry.conclusions }
    guard !definition.recipe.scoresOnly else { return try scored(&inquiry) }
    if walk.plan == nil { try prepare(&walk, &inquiry) }
    if walk.baseline == .pending {
      walk.baseline = try inquiry.together {
        try evaluation(of: definition.model.digest, &$0)
      }
    }
    if let plan = walk.plan {
      try allocate(plan, &walk, &inquiry)
      // Every device asks for its jobs before any answer is looked at.
      for place in definition.devices.indices {
        guard let answer = walk.allocations[place] else { continue }
        switch walk.variants[place] {
        case .finished: continue
        case .waiting(let jobs) where !jobs.contains(where: { results.knows($0.key) }):
          inquiry.ask(jobs)
        default:
          var own = Inquiry(results)
          let report = try variant(for: definition.devices[place], answer, plan, &own)
          walk.variants[place] = report.map { .finished($0) } ?? .waiting(own.missing)
          inquiry.ask(own.missing)
        }
      }
    }
    if let report = walk.report(definition, inquiry.conclusions.scores) { return .finished(report) }
    if let failure = inquiry.failure { return .failed(failure) }
    return .needs(inquiry.missing)
  }

  /// Where a sweep stands that ends with its scores.
  private func scored(_ inquiry: inout Inquiry) throws -> Step {
    if let scores = try inquiry.conclusion(\.scores, { try self.scores(&$0) }) {
      return .finished(SweepReport(scores: scores, baseline: nil, variants: []))
    }
    if let failure = inquiry.failure { return .failed(failure) }
    return .needs(inquiry.missing)
  }

  /// Scores, Grams, orders and tables: what all devices share.
  private func prepare(_ walk: inout Walk, _ inquiry: inout Inquiry) throws {
    let scores = try inquiry.conclusion(\.scores) { try self.scores(&$0) }
    let grams = try inquiry.conclusion(\.grams) { try self.grams(&$0) }
    guard let scores, let grams,
      let orders = try inquiry.conclusion(\.orders, { try self.orders(grams, &$0) }),
      let tables = try tables(orders, scores, &inquiry)
    else { return }
    walk.plan = VariantPlan(tables: tables, orders: orders, grams: grams.fitted)
  }

  /// Asks for the widths of the devices that have none yet.
  private func allocate(
    _ plan: VariantPlan, _ walk: inout Walk, _ inquiry: inout Inquiry
  ) throws {
    let recipe = definition.recipe
    for batch in batches where walk.allocations[batch[0]] == nil {
      let devices = batch.map { definition.devices[$0] }
      let name = devices.count == 1 ? "" : " and \(devices.count - 1) more"
      let attempt = try inquiry.attempt(
        DeviceAllocations(
          tables: plan.tables, devices: devices.map(\.withoutRemarks), strategy: recipe.strategy,
          gap: recipe.allocationGap, count: recipe.candidates, isLadder: recipe.isLadder),
        label: devices[0].name + name, weight: 0)
      switch attempt {
      case nil: continue
      case .failure(let reason): for place in batch { walk.allocations[place] = .failed(reason) }
      case .success(let outcome):
        var costs = [NetworkCost?](repeating: nil, count: batch.count)
        if recipe.plansOnly {
          guard let counted = try self.costs(of: outcome.summary, devices[0].name, &inquiry) else {
            continue
          }
          costs = counted
        }
        for (index, place) in batch.enumerated() {
          walk.allocations[place] = .outcomes(outcome.summary[index], costs[index])
        }
      }
    }
  }

  /// The cost of every device's first plan, where it has one; nil while it is not known.
  private func costs(
    of outcomes: [[AllocationOutcome]], _ label: String, _ inquiry: inout Inquiry
  ) throws -> [NetworkCost?]? {
    let widths = outcomes.map { outcomes -> [Int]? in
      if case .plan(let plan)? = outcomes.first { plan.widths } else { nil }
    }
    var counted: [NetworkCost] = []
    let wanted = widths.compactMap(\.self)
    if !wanted.isEmpty {
      guard
        let outcome = try inquiry.outcome(
          of: PlanCosts(model: definition.model.digest, widths: wanted), label: "costs of \(label)",
          weight: 0)
      else { return nil }
      counted = outcome.summary.reversed()
    }
    return widths.map { $0 == nil ? nil : counted.popLast() }
  }
}

extension Walk {
  /// The end of the sweep, once every device has come to its own.
  fileprivate func report(
    _ definition: SweepDefinition, _ scores: ImportanceScores?
  ) -> SweepReport? {
    guard let scores, baseline != .pending else { return nil }
    let finished = definition.devices.indices.compactMap { place -> VariantReport? in
      guard case .finished(let report) = variants[place] else { return nil }
      return report.compared(with: baseline)
    }
    guard finished.count == definition.devices.count else { return nil }
    return SweepReport(scores: scores, baseline: baseline.evaluation, variants: finished)
  }
}
