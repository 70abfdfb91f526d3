extension Network {
  /// The channel groups of the network, in order of their first producer.
  ///
  /// Every channel that a layer's weights write or read is in exactly one group.
  ///
  /// Complexity: nearly linear in the number of nodes and channels.
  public func channelGroups() -> [ChannelGroup] {
    var coupling = ChannelCoupling(self)
    for input in inputs { coupling.keep(input, "it is the network's input") }
    for index in nodes.indices { coupling.follow(index) }
    for output in outputs { coupling.keep(output, "it is the network's output") }
    coupling.finish()

    let roles = WeightRoles(self)
    let sets = coupling.sets(touching: roles.axes)
    let drafts = Self.drafts(sets, axes: coupling.axes).map { draft in
      var draft = draft
      let axes = draft.members.map(\.axis)
      draft.producers = Set(axes.compactMap { roles.producers[$0] }.joined()).sorted()
      draft.consumers = Set(axes.compactMap { roles.consumers[$0] }.joined()).sorted()
      draft.protection = draft.reasonToStay
      return draft
    }
    return withinTwoWidths(
      named(drafts.sorted { ($0.first, $0.members[0].axis) < ($1.first, $1.members[0].axis) }))
  }

  /// A group before it has its number and name.
  private struct Draft {
    var members: [ChannelGroup.Member]
    /// What operators and the network's interface say.
    var reason: ChannelCoupling.Reason?
    var protection: String?
    var producers: [Int] = []
    var consumers: [Int] = []
    var first: Int { producers.first ?? consumers.first ?? .max }

    var reasonToStay: String? {
      if let reason, reason.kind == .interface { return reason.words }
      if producers.isEmpty { return "no layer with weights writes it" }
      if let reason { return reason.words }
      let width = members.first?.indices.count ?? 0
      return width < 2 ? "its channels can only stay or go together" : nil
    }
  }

  /// Collects units with the same signature: as many indices on the same axes, and one fate.
  private static func drafts(
    _ sets: [ChannelCoupling.CoupledSet], axes: [AxisID]
  ) -> [Draft] {
    struct Signature: Hashable {
      /// Axis and count, in turn.
      var counts: [Int]
      var protection: String?
    }
    var order: [Signature: Int] = [:]
    var units: [[Int]] = []
    var signatures: [Signature] = []
    for (number, set) in sets.enumerated() {
      var counts: [Int] = []
      for place in set.places {
        if counts.count > 1, counts[counts.count - 2] == place.axis {
          counts[counts.count - 1] += 1
        } else {
          counts += [place.axis, 1]
        }
      }
      let signature = Signature(counts: counts, protection: set.reason?.words)
      if let place = order[signature] {
        units[place].append(number)
      } else {
        order[signature] = units.count
        units.append([number])
        signatures.append(signature)
      }
    }
    return zip(signatures, units).map { signature, numbers in
      var offset = 0
      let members = stride(from: 0, to: signature.counts.count, by: 2).map { place in
        let count = signature.counts[place + 1]
        defer { offset += count }
        return ChannelGroup.Member(
          axis: axes[signature.counts[place]],
          indices: numbers.map { sets[$0].places[offset..<offset + count].map(\.index) })
      }
      return Draft(members: members, reason: numbers.first.flatMap { sets[$0].reason })
    }
  }

  private func named(_ drafts: [Draft]) -> [ChannelGroup] {
    var used: [String: Int] = [:]
    return drafts.enumerated().map { id, draft in
      // The network's input has readers only; it is called by its own name.
      let base =
        draft.producers.first.map { nodes[$0].name } ?? self[draft.members[0].axis.value].name
      used[base, default: 0] += 1
      let count = used[base] ?? 1
      return ChannelGroup(
        id: id, name: count == 1 ? base : "\(base)#\(count)", members: draft.members,
        protection: draft.protection, producers: draft.producers, consumers: draft.consumers)
    }
  }

  /// Costs are products of at most two widths; where a weight or a product of activations has
  /// more, the groups on its further axes stay.
  private func withinTwoWidths(_ groups: [ChannelGroup]) -> [ChannelGroup] {
    var groups = groups
    var owners: [AxisID: [Int]] = [:]
    for group in groups {
      for member in group.members { owners[member.axis, default: []].append(group.id) }
    }
    for product in costProducts() {
      let variable = product.axes.filter { axis in
        owners[axis, default: []].contains { groups[$0].isPrunable }
      }
      for axis in variable.dropFirst(2) {
        for id in owners[axis, default: []] where groups[id].isPrunable {
          groups[id] = groups[id].protected(
            by: "\"\(self[axis.value].name)\" has more than two axes of channels")
        }
      }
    }
    return groups
  }
}

/// Which nodes write and read through each axis of a weight.
private struct WeightRoles {
  var producers: [AxisID: [Int]] = [:]
  var consumers: [AxisID: [Int]] = [:]
  var axes: Set<AxisID> { Set(producers.keys).union(consumers.keys) }

  init(_ network: Network) {
    for (index, node) in network.nodes.enumerated() {
      let axes = node.operation.rules.weightAxes(node, in: network)
      for axis in axes.outputs { producers[axis, default: []].append(index) }
      for axis in axes.inputs { consumers[axis, default: []].append(index) }
    }
  }
}
