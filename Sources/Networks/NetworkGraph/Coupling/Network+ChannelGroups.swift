extension Network {
  /// The channel groups of the network, in order of their first producer.
  ///
  /// Every channel of every activation and weight is in exactly one group. Groups without weights
  /// (the network's input) are left out.
  public func channelGroups() -> [ChannelGroup] {
    var coupling = ChannelCoupling(self)
    for input in inputs { coupling.protect(.channel(input), "it is the network's input") }
    for node in nodes { node.operation.rules.couple(node, in: self, into: &coupling) }
    for output in outputs { coupling.protect(.channel(output), "it is the network's output") }

    // Units with the same signature belong to one group.
    struct Signature: Hashable {
      var axes: [AxisID: Int]
      var protection: String?
    }
    var order: [Signature: Int] = [:]
    var units: [(signature: Signature, sets: [[AxisID: [Int]]])] = []
    for set in coupling.sets() {
      var places: [AxisID: [Int]] = [:]
      for (axis, index) in set.places { places[axis, default: []].append(index) }
      let signature = Signature(axes: places.mapValues(\.count), protection: set.reason)
      let place = order[signature] ?? units.count
      if place == units.count {
        order[signature] = place
        units.append((signature, []))
      }
      units[place].sets.append(places)
    }

    let roles = WeightRoles(self)
    let drafts = units.compactMap { entry -> Draft? in
      let axes = entry.signature.axes.keys.sorted()
      let producers = Set(axes.compactMap { roles.producers[$0] }.joined()).sorted()
      let consumers = Set(axes.compactMap { roles.consumers[$0] }.joined()).sorted()
      guard axes.contains(where: { self[$0.value].constant != nil }) else { return nil }
      return Draft(
        members: axes.map { axis in
          ChannelGroup.Member(axis: axis, indices: entry.sets.map { $0[axis] ?? [] })
        },
        protection: entry.signature.protection
          ?? (producers.isEmpty ? "no layer with weights writes it" : nil),
        producers: producers, consumers: consumers)
    }
    return named(drafts.sorted { ($0.first, $0.members[0].axis) < ($1.first, $1.members[0].axis) })
  }

  /// A group before it has its number and name.
  private struct Draft {
    var members: [ChannelGroup.Member]
    var protection: String?
    var producers: [Int]
    var consumers: [Int]
    var first: Int { producers.first ?? consumers.first ?? .max }
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
}

/// Which nodes write and read through each axis of a weight.
private struct WeightRoles {
  var producers: [AxisID: [Int]] = [:]
  var consumers: [AxisID: [Int]] = [:]

  init(_ network: Network) {
    for (index, node) in network.nodes.enumerated() {
      guard node.inputs.count > 1, let weight = node.inputs[1] else { continue }
      switch node.operation {
      case .convolution(let convolution) where convolution.groups == 1:
        producers[AxisID(weight, 0), default: []].append(index)
        consumers[AxisID(weight, 1), default: []].append(index)
      case .gemm(let gemm):
        producers[AxisID(weight, 1 - gemm.inputAxis), default: []].append(index)
        consumers[AxisID(weight, gemm.inputAxis), default: []].append(index)
      case .convolution:
        // A grouped convolution with more than one channel a group keeps its width; a depthwise
        // one hands channels through and neither writes nor reads a width of its own.
        if network[weight].shape[1] != .fixed(1) {
          producers[AxisID(weight, 0), default: []].append(index)
        }
      default: break
      }
    }
  }
}
