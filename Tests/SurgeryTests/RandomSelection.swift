import NetworkGraph
import Surgery
import TestSupport

extension ChannelSelection {
  /// Random units of random number from every group that can be pruned; each loses one at least.
  ///
  /// - Parameter minimum: The least number of units to keep; narrower groups stay whole.
  static func random(
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

extension ChannelGroup {
  /// `count` of the group's units, sorted.
  func randomUnits(_ count: Int, using generator: inout SeededGenerator) -> [Int] {
    (0..<width).shuffled(using: &generator).prefix(count).sorted()
  }
}
