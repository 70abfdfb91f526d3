import NetworkGraph

extension AllocationProblem {
  /// - Throws: ``AllocationError`` that names the group or resource at fault.
  func validate() throws(AllocationError) {
    try require(
      groups.map(\.id) == Array(groups.indices), "the groups' ids must be 0, 1, … in order")
    try require(
      utilities.count == groups.count,
      "\(utilities.count) utilities for \(groups.count) groups: give one for each")
    try require(channelMultiple >= 1, "channel multiple \(channelMultiple): must be at least 1")
    try require(
      (0...1).contains(minimumKeepRatio), "minimum keep ratio \(minimumKeepRatio): must be in 0…1")
    for (group, utility) in zip(groups, utilities) { try validate(group, utility) }
    if let group = groupWithoutWidth { throw AllocationError(.invalidProblem, noWidth(group)) }
    for limit in limits {
      let resource = limit.resource
      guard costs[resource] != nil || layers[resource] != nil || steps[resource] != nil else {
        throw AllocationError(
          .invalidProblem, "there is a budget on \(resource) but no cost: add its polynomial")
      }
      try require(limit.divisor ?? 1 >= 1, "\(limit.resource): a divisor must be at least 1")
      let polynomials = [costs[resource]].compactMap(\.self) + (steps[resource] ?? [])
      let named =
        polynomials.flatMap { cost in
          cost.products.keys.flatMap { [$0.first, $0.second] } + Array(cost.linear.keys)
        } + (layers[resource] ?? []).flatMap { $0.sums.flatMap(\.self) }
      try require(
        named.allSatisfy(groups.indices.contains),
        "the cost of \(limit.resource) names a group that does not exist")
    }
    try require(
      Set(limits.map(\.resource)).count == limits.count,
      "a resource is limited twice: keep the lower limit")
    try validateSums()
  }

  /// The most combinations of widths that layers may add up; a table has as many rows.
  private static let sumLimit = 20_000

  /// Groups whose channels some layer adds up are chosen together: there must not be too many.
  private func validateSums() throws(AllocationError) {
    let limited = limits.flatMap { layers[$0.resource] ?? [] }
    var cluster = Array(groups.indices)
    for sum in limited.flatMap(\.sums) {
      guard let first = sum.first else { continue }
      for group in sum.dropFirst() where cluster[group] != cluster[first] {
        let joined = cluster[group]
        for index in cluster.indices where cluster[index] == joined {
          cluster[index] = cluster[first]
        }
      }
    }
    let grids = grids()
    for members in Dictionary(grouping: groups.indices, by: { cluster[$0] }).values {
      let combinations = members.reduce(1.0) { $0 * Double(grids[$1].count) }
      try require(
        combinations <= Double(Self.sumLimit),
        """
        layers add up the channels of \(members.count) groups, \
        \(members.map { groups[$0].name }.sorted().joined(separator: ", ")), whose widths have too \
        many combinations for tables of times; raise channel_multiple or minimum_keep_ratio, or keep \
        some of these groups
        """)
    }
  }

  private func validate(_ group: GroupVariable, _ utility: Utility) throws(AllocationError) {
    try require(group.width >= 1, "group \(group.name) has no channels")
    try require(
      group.multiple ?? 1 >= 1, "group \(group.name): its channel multiple must be at least 1")
    // A minimum above the width asks for all channels.
    let (minimum, maximum) = (group.minimum ?? 1, group.maximum ?? .max)
    try require(
      minimum >= 1 && minimum <= maximum,
      "group \(group.name): minimum \(minimum) and maximum \(maximum) leave no width")
    for width in 1...group.width {
      try require(
        utility.value(width: width, dense: group.width)?.isFinite ?? true,
        "group \(group.name): the utility of width \(width) is not a finite number")
    }
  }

  /// The first group whose grid is empty.
  var groupWithoutWidth: GroupVariable? { zip(groups, grids()).first { $0.1.isEmpty }?.0 }

  func noWidth(_ group: GroupVariable) -> String {
    let multiple = group.multiple ?? channelMultiple
    var rules = ["a multiple of \(multiple)"]
    if minimumKeepRatio > 0 { rules.append("at least \(minimumKeepRatio) of \(group.width)") }
    if let minimum = group.minimum { rules.append("at least \(minimum)") }
    if let maximum = group.maximum { rules.append("at most \(maximum)") }
    if group.isProtected { rules = ["all \(group.width)", "at most \(group.maximum ?? 0)"] }
    return """
      group \(group.name) has no width that is \(rules.joined(separator: " and ")); \
      relax one of them
      """
  }

  private func require(
    _ holds: Bool, _ message: @autoclosure () -> String
  ) throws(AllocationError) {
    if !holds { throw AllocationError(.invalidProblem, message()) }
  }
}
