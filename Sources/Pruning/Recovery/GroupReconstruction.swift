import LinearAlgebra

/// Removes the channels of a group one by one, each time the one whose loss its consumers can best
/// make up for, and fits their remaining weights: optimal brain surgery on column groups.
///
/// One pass gives the selection, the error and the weights of *every* width. The consumers
/// j = 1…J of a group lose the same channels; their losses count relative to their outputs,
///
///     error(S) = (1/J) Σ_j ‖(W_j − W'_j) U_j‖² / ‖W_j U_j‖²
///
/// both with the damping λ ‖W − W'‖² in them, which keeps few samples from being over-fitted and
/// the error monotone: 0 at full width, 1 when nothing of the input is left.
///
/// Reference: Frantar & Alistarh, "Optimal Brain Compression", NeurIPS 2022; Kurtic et al.,
/// "ZipLM", NeurIPS 2023.
public struct GroupReconstruction: Sendable {
  /// How a pass runs.
  public struct Configuration: Sendable, Hashable, Codable {
    /// λ as a fraction of H's mean diagonal; 0.01 is DarwinLM's.
    public var relativeDamping: Double
    /// Removals after which H⁻¹ is computed anew from H, because down-dates drift.
    public var refreshInterval: Int

    public init(relativeDamping: Double = 0.01, refreshInterval: Int = 32) {
      self.relativeDamping = relativeDamping
      self.refreshInterval = refreshInterval
    }
  }

  public let consumers: [ReconstructionConsumer]
  public let configuration: Configuration
  /// The number of channels of the group.
  public let units: Int

  /// - Throws: ``RecoveryError`` with `shapeMismatch`, naming the layer.
  public init(
    consumers: [ReconstructionConsumer], configuration: Configuration = Configuration()
  ) throws {
    guard let first = consumers.first, !first.unitColumns.isEmpty else {
      throw RecoveryError(.shapeMismatch, "a group without consumers or channels")
    }
    units = first.unitColumns.count
    for consumer in consumers { try consumer.check(units: units) }
    precondition(
      configuration.refreshInterval > 0 && configuration.relativeDamping >= 0,
      "\(configuration)")
    self.consumers = consumers
    self.configuration = configuration
  }

  /// Runs the pass.
  ///
  /// - Parameters:
  ///   - widths: Where to keep weights, 1…``units`` each.
  ///   - order: The order in which units go; nil to take the cheapest each time.
  /// - Returns: Removal order and error of all widths, weights at `widths`.
  /// - Throws: ``RecoveryError`` with `singular`, naming the layer.
  /// - Complexity: O(n² columns of the group) for removal plus O(n³) per snapshot, n columns.
  public func database(
    widths: [Int], order: [Int]? = nil
  ) throws -> ReconstructionDatabase {
    let wanted = Set(widths)
    precondition(order?.count ?? units == units, "an order of \(order?.count ?? 0) channels")
    precondition(
      wanted.allSatisfy { (1...units).contains($0) }, "widths \(widths) of \(units) channels")
    var states = try consumers.map {
      try ConsumerState($0, relativeDamping: configuration.relativeDamping)
    }
    var kept = Array(0..<units)
    var removed: [Int] = []
    var errors = [0.0]
    var snapshots: [ReconstructionDatabase.Snapshot] = []
    while true {
      if wanted.contains(kept.count) {
        snapshots.append(try snapshot(states, kept: kept, removed: removed))
      }
      guard !kept.isEmpty else { break }
      if !removed.isEmpty, removed.count % configuration.refreshInterval == 0 {
        try refresh(&states, removing: removed)
      }
      let candidates = order.map { [$0[removed.count]] } ?? kept
      var choice = cheapest(states, among: candidates)
      if choice == nil {
        try refresh(&states, removing: removed)
        choice = cheapest(states, among: candidates)
      }
      guard let (unit, score) = choice else {
        throw RecoveryError(
          .singular,
          """
          layers \(consumers.map(\.name)): no channel of \(kept.count) has a finite score; use \
          more calibration images or a larger damping
          """)
      }
      kept.removeAll { $0 == unit }
      for position in states.indices { states[position].remove(unit: unit) }
      removed.append(unit)
      errors.append(errors[errors.count - 1] + score)
    }
    return ReconstructionDatabase(
      consumers: consumers.map(\.name), removalOrder: removed, relativeError: errors.reversed(),
      snapshots: snapshots)
  }

  /// The unit of least score, the first of several, and its score; nil if one has none.
  private func cheapest(
    _ states: [ConsumerState], among units: [Int]
  ) -> (unit: Int, score: Double)? {
    var best: (unit: Int, score: Double)?
    for unit in units {
      var total = 0.0
      for state in states {
        guard let score = state.score(ofUnit: unit) else { return nil }
        // A consumer without output has nothing to lose.
        if state.energy > 0 { total += score / (state.energy * Double(states.count)) }
      }
      guard total.isFinite else { return nil }
      if best.map({ total < $0.score }) ?? true { best = (unit, total) }
    }
    return best
  }

  private func refresh(_ states: inout [ConsumerState], removing units: [Int]) throws {
    for position in states.indices { try states[position].refresh(removing: units) }
  }

  private func snapshot(
    _ states: [ConsumerState], kept: [Int], removed: [Int]
  ) throws -> ReconstructionDatabase.Snapshot {
    ReconstructionDatabase.Snapshot(
      keptUnits: kept, consumers: try states.map { try $0.update(removing: removed) })
  }
}
