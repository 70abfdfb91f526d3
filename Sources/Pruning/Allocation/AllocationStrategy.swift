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
  public static let all: [any AllocationStrategy] = [
    CertifiedStrategy(), UniformStrategy(), ReleasedStrategy(), LogContinuousStrategy(),
    GreedyStrategy(), GeneticStrategy(), BinarySearchStrategy(),
  ]

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
/// - Parameter strategy: One of ``AllocationStrategies``.
/// - Returns: A plan within every budget, or the budget that no plan can meet.
/// - Throws: ``AllocationError`` where the problem contradicts itself or the strategy is unknown.
public func allocate(_ problem: AllocationProblem, strategy: String = "certified") throws
  -> AllocationOutcome
{
  try problem.validate()
  return try AllocationStrategies.named(strategy).allocate(problem)
}
