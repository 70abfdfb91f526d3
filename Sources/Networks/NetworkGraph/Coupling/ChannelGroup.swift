/// Coupled channels with one width: units that touch the same axes in the same way.
///
/// A unit is the least set of channels that can be removed without changing any other: one filter
/// with its BatchNorm entries and the columns of its readers. A group collects the units that are
/// alike, so that only *how many* and *which* of them stay is left to decide.
public struct ChannelGroup: Sendable, Hashable, Identifiable {
  /// What the units of a group have on one axis.
  public struct Member: Sendable, Hashable {
    public let axis: AxisID
    /// By unit: the indices it owns, sorted; every unit owns equally many.
    public let indices: [[Int]]

    /// The number of indices one unit owns.
    public var multiplicity: Int { indices.first?.count ?? 0 }
  }

  /// The group's place in the list of groups.
  public let id: Int
  /// The first node that writes it, or the value where no node with weights does; unique.
  public let name: String
  /// In order of axes.
  public let members: [Member]
  /// Why the group cannot be pruned; nil if it can.
  public let protection: String?
  /// Nodes that write the channels: their weight's output axis is a member.
  public let producers: [Int]
  /// Nodes that read them: their weight's input axis is a member.
  public let consumers: [Int]

  /// The number of units.
  public var width: Int { members.first?.indices.count ?? 0 }

  /// Whether the group may lose units.
  public var isPrunable: Bool { protection == nil }

  /// Whether one layer writes it alone: the width inside a block, not that of a residual sum.
  public var isInner: Bool { producers.count == 1 }

  /// The member on an axis.
  public func member(on axis: AxisID) -> Member? { members.first { $0.axis == axis } }

  /// The group, kept as it is for a reason.
  func protected(by reason: String) -> ChannelGroup {
    ChannelGroup(
      id: id, name: name, members: members, protection: reason, producers: producers,
      consumers: consumers)
  }
}

extension Network {
  /// The axes of weights through which layers write a group's channels.
  public func weightAxes(writing group: ChannelGroup) -> [AxisID] {
    group.producers.flatMap { index in
      nodes[index].operation.rules.weightAxes(nodes[index], in: self).outputs
    }
  }
}
