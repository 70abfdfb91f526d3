/// The number of channels on an axis as fixed + Σ_g units_g · w_g, where w_g is a group's width.
public struct ChannelExtent: Sendable, Hashable, Codable {
  public struct Units: Sendable, Hashable, Codable {
    public var group: Int
    /// Channels of the axis for each unit of the group.
    public var count: Int

    public init(group: Int, count: Int) {
      self.group = group
      self.count = count
    }
  }

  public var fixed: Int
  /// In order of groups.
  public var units: [Units]

  public init(fixed: Int, units: [Units] = []) {
    self.fixed = fixed
    self.units = units
  }

  /// The channels at widths indexed by group.
  public func value(widths: [Int]) -> Int {
    units.reduce(fixed) { $0 + $1.count * widths[$1.group] }
  }
}

/// The extents of a network's axes as functions of the widths of its groups.
struct AxisWidths {
  private let network: Network
  private var widths: [AxisID: AxisWidth] = [:]

  /// - Parameter groups: All groups of the network.
  init(_ network: Network, groups: [ChannelGroup]) {
    self.network = network
    for group in groups where group.isPrunable {
      for member in group.members {
        let extent = Int64(network[member.axis.value].shape[member.axis.axis].extent ?? 0)
        let count = Int64(member.multiplicity)
        // What no group can take away is fixed.
        widths[member.axis, default: AxisWidth(fixed: extent)].fixed -= count * Int64(group.width)
        widths[member.axis]?.units.append((group.id, count))
      }
    }
  }

  /// Whether pruning can change the extent of an axis.
  func varies(_ axis: AxisID) -> Bool { widths[axis] != nil }

  func extent(_ axis: AxisID) -> ChannelExtent {
    guard let width = widths[axis] else {
      return ChannelExtent(fixed: network[axis.value].shape[axis.axis].perImage)
    }
    var counts: [Int: Int] = [:]
    for (group, count) in width.units { counts[group, default: 0] += Int(count) }
    return ChannelExtent(
      fixed: Int(width.fixed),
      units: counts.keys.sorted().map { .init(group: $0, count: counts[$0] ?? 0) })
  }

  /// A product of extents as a factor and two widths.
  func factors(_ product: AxisProduct) -> (Int64, AxisWidth, AxisWidth) {
    var factor = product.factor
    var variable: [AxisWidth] = []
    for axis in product.axes {
      if let width = widths[axis] {
        variable.append(width)
      } else {
        factor *= Int64(network[axis.value].shape[axis.axis].perImage)
      }
    }
    let one = AxisWidth(fixed: 1)
    return (factor, variable.first ?? one, variable.count > 1 ? variable[1] : one)
  }
}
