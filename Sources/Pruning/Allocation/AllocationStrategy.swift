import NetworkGraph

/// A way to choose widths.
public protocol AllocationStrategy: Sendable {
  /// By which recipes name it.
  var name: String { get }

  /// The widths for a valid problem.
  func allocate(_ problem: AllocationProblem) -> AllocationOutcome
}

/// The strategies there are, by name.
public enum AllocationStrategies {
  public static let all: [any AllocationStrategy] = [CertifiedStrategy(), UniformStrategy()]

  public static func named(_ name: String) throws -> any AllocationStrategy {
    guard let strategy = all.first(where: { $0.name == name }) else {
      let names = all.map(\.name).joined(separator: ", ")
      throw AllocationError(
        .unknownStrategy, "there is no allocation strategy '\(name)'; choose one of \(names)")
    }
    return strategy
  }
}

/// Chooses the widths of one device.
///
/// - Parameter strategy: `certified` or `uniform`.
/// - Returns: A plan within every budget, or the budget that no plan can meet.
/// - Throws: ``AllocationError`` where the problem contradicts itself or the strategy is unknown.
public func allocate(_ problem: AllocationProblem, strategy: String = "certified") throws
  -> AllocationOutcome
{
  try problem.validate()
  return try AllocationStrategies.named(strategy).allocate(problem)
}

extension AllocationProblem {
  func validate() throws {
    func require(_ holds: Bool, _ message: @autoclosure () -> String) throws {
      if !holds { throw AllocationError(.invalidProblem, message()) }
    }
    try require(
      groups.map(\.id) == Array(groups.indices), "the groups' ids must be 0, 1, … in order")
    try require(
      utilities.count == groups.count,
      "\(utilities.count) utilities for \(groups.count) groups: give one for each")
    try require(channelMultiple >= 1, "channel multiple \(channelMultiple): must be at least 1")
    try require(
      (0...1).contains(minimumKeepRatio), "minimum keep ratio \(minimumKeepRatio): must be in 0…1")
    for (group, utility) in zip(groups, utilities) {
      try require(group.width >= 1, "group \(group.name) has no channels")
      for width in 1...group.width {
        try require(
          utility.value(width: width, dense: group.width)?.isFinite ?? true,
          "group \(group.name): the utility of width \(width) is not a finite number")
      }
    }
    for limit in limits {
      guard let cost = costs[limit.resource] else {
        throw AllocationError(
          .invalidProblem, "there is a budget on \(limit.resource) but no cost: add its polynomial")
      }
      let named = cost.products.keys.flatMap { [$0.first, $0.second] } + Array(cost.linear.keys)
      try require(
        named.allSatisfy(groups.indices.contains),
        "the cost of \(limit.resource) names a group that does not exist")
    }
  }
}
