import NetworkGraph
import Tensors

extension Network {
  /// The network without the channels that `selection` leaves out.
  ///
  /// Weights are sliced along every axis their groups touch and attributes that count channels are
  /// rewritten; nothing is approximated: the result computes what ``masked(_:groups:)`` computes.
  ///
  /// - Parameter groups: All groups of this network, from `channelGroups()`.
  /// - Throws: ``SurgeryError``; `NetworkError` if a rule of an operator were wrong.
  public func pruned(_ selection: ChannelSelection, groups: [ChannelGroup]) throws -> Network {
    try selection.validate(groups)
    let kept = keptIndices(selection, groups: groups)
    var result = self
    for (axis, indices) in kept {
      guard let constant = result[axis.value].constant else { continue }
      let sliced = constant.gathering(indices, axis: axis.axis)
      result[axis.value].constant = sliced
      result[axis.value].shape = Shape(sliced.shape)
    }
    for index in nodes.indices {
      result.nodes[index].operation = nodes[index].operation.pruned(
        nodes[index], in: self, keeping: { kept[$0] })
    }
    try result.inferShapes()
    return result
  }

  /// The network at full width with the channels that `selection` leaves out silenced.
  ///
  /// Their producers, BatchNorm entries and readers' columns become zero. This is the slow,
  /// obvious meaning of pruning, against which surgery is checked.
  public func masked(_ selection: ChannelSelection, groups: [ChannelGroup]) throws -> Network {
    try selection.validate(groups)
    var result = self
    for (axis, indices) in keptIndices(selection, groups: groups) {
      guard var constant = result[axis.value].constant else { continue }
      let removed = Set(0..<constant.shape[axis.axis]).subtracting(indices)
      let inner = constant.shape[(axis.axis + 1)...].reduce(1, *)
      let extent = constant.shape[axis.axis]
      for position in constant.elements.indices where removed.contains(position / inner % extent) {
        constant.elements[position] = 0
      }
      result[axis.value].constant = constant
    }
    return result
  }

  /// By axis that loses channels: the indices that stay, sorted.
  private func keptIndices(
    _ selection: ChannelSelection, groups: [ChannelGroup]
  ) -> [AxisID: [Int]] {
    var kept: [AxisID: [Int]] = [:]
    var losing: Set<AxisID> = []
    for group in groups {
      let units = selection.units(of: group)
      for member in group.members {
        kept[member.axis, default: []].append(contentsOf: units.flatMap { member.indices[$0] })
        if units.count < group.width { losing.insert(member.axis) }
      }
    }
    return kept.filter { losing.contains($0.key) }.mapValues { $0.sorted() }
  }
}
