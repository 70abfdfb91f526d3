import NetworkGraph

/// The least and the greatest cost that pruning can reach.
public struct ReachableCosts: Sendable, Hashable {
  public let least: NetworkCost
  /// That of the network as it is.
  public let greatest: NetworkCost
}

extension Network {
  /// What the network can cost: every budget between the two can be asked for, though a width grid
  /// may not meet it exactly.
  ///
  /// Costs never grow when a width shrinks, so the least of each is that of the least widths, which
  /// surgery makes and ``NetworkCost`` counts.
  ///
  /// - Parameters:
  ///   - groups: All groups of this network, from `channelGroups()`.
  ///   - widths: By group id: the least width allowed, such as the first of a device's grid. One
  ///     channel if nil. Protected groups keep theirs.
  /// - Throws: ``SurgeryError`` for widths outside a group.
  public func reachableCosts(groups: [ChannelGroup], least widths: [Int]? = nil) throws
    -> ReachableCosts
  {
    if let widths, widths.count != groups.count {
      throw SurgeryError(
        code: .invalidUnit,
        message: "\(widths.count) least widths for \(groups.count) groups; give one for each")
    }
    var selection = ChannelSelection()
    for group in groups where group.isPrunable {
      selection.kept[group.id] = Array(0..<max(widths?[group.id] ?? 1, 0))
    }
    return ReachableCosts(
      least: try pruned(selection, groups: groups).cost(), greatest: cost())
  }
}
