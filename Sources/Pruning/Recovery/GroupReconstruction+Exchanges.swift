extension GroupReconstruction {
  /// Units that were chosen for one width, and the error that is left with them.
  public struct Choice: Sendable, Hashable {
    /// Ascending.
    public var kept: [Int]
    /// As ``ReconstructionDatabase/relativeError``.
    public var error: Double
    /// Exchanges that led there.
    public var exchanges: Int
  }

  /// Units on either side that take part in a search, at most: those that promise most.
  private static let candidates = 16
  /// Multiplications that all exchanges of a group may take, about: larger groups get fewer.
  private static let effort = 1e11

  /// Better units than these for the same width: as long as the error falls, the exchange of a unit
  /// that is gone for one that is there which lowers it most.
  ///
  /// Greedy removal is never worse for it, and one that went early may come back. The errors are
  /// exact, those of least squares with the units that are left.
  ///
  /// - Throws: ``RecoveryError`` with `singular`, naming the layer.
  public func exchanging(_ kept: [Int]) throws -> Choice {
    let states = try consumers.map {
      try ConsumerState($0, relativeDamping: configuration.relativeDamping)
    }
    let columns = consumers.map { Double($0.gram.columns) }
    let limit = min(Double(units), Self.effort / columns.reduce(1) { $0 + $1 * $1 * $1 })
    var kept = Set(kept)
    var exchanges = 0
    while true {
      let removed = (0..<units).filter { !kept.contains($0) }
      let layers = try states.map { try ConsumerExchange($0, removed: removed) }
      let error = layers.reduce(0) { $0 + $1.error } / Double(layers.count)
      guard exchanges < Int(limit),
        let (entry, exit) = best(layers, kept: kept.sorted(), removed: removed, error: error)
      else { return Choice(kept: kept.sorted(), error: error, exchanges: exchanges) }
      kept.insert(entry)
      kept.remove(exit)
      exchanges += 1
    }
  }

  /// The exchange that lowers the error most; nil where none does by more than rounding.
  private func best(
    _ layers: [ConsumerExchange], kept: [Int], removed: [Int], error: Double
  ) -> (entry: Int, exit: Int)? {
    let share = 1 / Double(layers.count)
    var returns: [(unit: Int, gain: Double, layers: [ConsumerExchange.Return])] = []
    for unit in removed {
      let own = layers.compactMap { $0.returning(unit) }
      guard own.count == layers.count else { continue }
      returns.append((unit, own.reduce(0) { $0 + $1.gain } * share, own))
    }
    returns.sort { ($1.gain, $0.unit) < ($0.gain, $1.unit) }
    var exits: [(unit: Int, cost: Double)] = []
    for unit in kept {
      let costs = layers.compactMap { $0.cost(of: unit) }
      if costs.count == layers.count { exits.append((unit, costs.reduce(0, +) * share)) }
    }
    exits.sort { ($0.cost, $0.unit) < ($1.cost, $1.unit) }
    var best: (entry: Int, exit: Int)?
    var least = -1e-9 * error
    for entry in returns.prefix(Self.candidates) {
      for exit in exits.prefix(Self.candidates) {
        let costs = zip(layers, entry.layers).compactMap { $0.cost(of: exit.unit, after: $1) }
        guard costs.count == layers.count else { continue }
        let change = costs.reduce(0, +) * share - entry.gain
        if change < least { (best, least) = ((entry.unit, exit.unit), change) }
      }
    }
    return best
  }
}
