import NetworkGraph
import Surgery
import TestSupport

extension ChannelSelection {
  /// Random units of random number from every group that can be pruned; each loses one at least.
  ///
  /// - Parameter minimum: The least number of units to keep; narrower groups stay whole.
  public static func random(
    _ groups: [ChannelGroup], minimum: Int = 1, using generator: inout SeededGenerator
  ) -> ChannelSelection {
    var selection = ChannelSelection()
    for group in groups where group.isPrunable && group.width > minimum {
      let count = Int.random(in: minimum..<group.width, using: &generator)
      selection.kept[group.id] = group.randomUnits(count, using: &generator)
    }
    return selection
  }
}

extension ChannelSelection {
  /// Random units from every group that can be pruned, half of each or more: a network of chance
  /// widths may have nothing left to say.
  public static func randomHalves(
    _ groups: [ChannelGroup], using generator: inout SeededGenerator
  ) -> ChannelSelection {
    var selection = ChannelSelection()
    for group in groups where group.isPrunable {
      let count = Int.random(in: (group.width + 1) / 2..<group.width, using: &generator)
      selection.kept[group.id] = group.randomUnits(count, using: &generator)
    }
    return selection
  }

  /// Half of the units, rounded down but not to none, of every group that can be pruned: the first ones.
  public static func half(_ groups: [ChannelGroup]) -> ChannelSelection {
    var selection = ChannelSelection()
    for group in groups where group.isPrunable {
      selection.kept[group.id] = Array(0..<max(1, group.width / 2))
    }
    return selection
  }
}

extension ChannelGroup {
  /// `count` of the group's units, sorted.
  public func randomUnits(_ count: Int, using generator: inout SeededGenerator) -> [Int] {
    (0..<width).shuffled(using: &generator).prefix(count).sorted()
  }
}
