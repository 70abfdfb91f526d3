import Devices

/// The widths of a plan, with what they are worth and how good they are known to be.
public struct PruningPlanWidths: Sendable, Hashable, Codable {
  /// Channels kept, indexed by group.
  public var widths: [Int]
  /// Σ_g u_g(w_g).
  public var objective: Double
  /// No plan within the budgets is worth more.
  public var bound: Double
  /// (bound − objective) / |objective|: 0 for a plan that is proven best.
  public var gap: Double
  public var usage: [BudgetUsage]
  /// The strategy that chose the widths.
  public var strategy: String
  /// Utility for one more unit of every limited resource, in the order of the limits; nil where
  /// the strategy sets no prices.
  public var prices: [Double]?

  public init(
    widths: [Int], objective: Double, bound: Double, gap: Double, usage: [BudgetUsage],
    strategy: String
  ) {
    self.widths = widths
    self.objective = objective
    self.bound = bound
    self.gap = gap
    self.usage = usage
    self.strategy = strategy
  }

  /// How far the plan is from a bound, as a share of its objective.
  public func gap(to bound: Double) -> Double {
    max(bound - objective, 0) / max(abs(objective), 1e-9)
  }
}

/// A budget that no plan on the grid can meet.
public struct InfeasibleBudget: Sendable, Hashable, Codable, CustomStringConvertible {
  public var resource: String
  public var limit: Int64
  /// The least value of the resource over all plans, whatever they take of the others.
  public var leastReachable: Int64
  /// True when each budget can be met alone, but no plan meets all of them.
  public var isTogether: Bool

  public init(resource: String, limit: Int64, leastReachable: Int64, isTogether: Bool = false) {
    self.resource = resource
    self.limit = limit
    self.leastReachable = leastReachable
    self.isTogether = isTogether
  }

  public var description: String {
    let limit = BudgetResource.text(limit, of: resource)
    let least = BudgetResource.text(leastReachable, of: resource)
    return isTogether
      ? "the budgets can be met one by one but not together; \(resource) is the tightest: "
        + "limit \(limit), least reachable alone \(least)"
      : "\(resource) cannot go below \(least), and the budget is \(limit)"
  }
}

/// What came of an allocation; infeasible is an answer, not an error.
public enum AllocationOutcome: Sendable, Hashable, Codable {
  case plan(PruningPlanWidths)
  case infeasible(InfeasibleBudget)
}

/// An allocation problem that is not one.
public struct AllocationError: Error, Sendable, CustomStringConvertible {
  public enum Code: Sendable { case invalidProblem, unknownStrategy }

  public let code: Code
  /// What is wrong, with which group or resource, and what to do.
  public let message: String

  public init(_ code: Code, _ message: String) {
    self.code = code
    self.message = message
  }

  public var description: String { message }
}
