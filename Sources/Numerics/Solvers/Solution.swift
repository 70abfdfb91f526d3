/// What ``LagrangianSolver`` found out about a ``ChoiceProblem``.
public struct Solution: Sendable, Hashable, Codable {
  public enum Status: Sendable, Hashable, Codable {
    /// No plan is better, up to rounding.
    case optimal
    /// The best plan found; ``Solution/bound`` says how much better another might be.
    case feasible
    case infeasible(Infeasibility)
  }

  public var status: Status
  /// The option of every variable; empty when infeasible.
  public var choice: [Int]
  /// Σ u of the choice; −∞ when infeasible.
  public var objective: Double
  /// No plan within the budgets has a greater utility; −∞ when there provably is none.
  ///
  /// For any prices λ ≥ 0 and any plan x within the budgets,
  /// u(x) ≤ u(x) + Σ λ_k (B_k − c_k(x)) ≤ max_y u(y) + Σ λ_k (B_k − c_k(y)), and the dynamic
  /// programme finds that maximum exactly. Branching splits the plans in two and keeps the greater
  /// bound; coarsening only raises utilities and lowers costs. Raised by the rounding errors of
  /// the sums, so that it holds in floating point too.
  public var bound: Double
  /// What the choice takes of every resource.
  public var costs: [Int64]
  /// The price of every resource at the root: utility lost per unit of it taken away.
  public var prices: [Double]
  /// Evaluations of the dynamic programme.
  public var evaluations: Int
  /// Whether options were put together in cells to keep tables within the solver's limit.
  public var isCoarsened: Bool

  /// (bound − objective) / |objective|; 0 when optimal.
  public var gap: Double {
    let difference = bound - objective
    guard status == .feasible, difference.isFinite, difference > 0 else { return 0 }
    return difference / max(abs(objective), 1e-9)
  }
}

/// Why no plan exists.
public struct Infeasibility: Sendable, Hashable, Codable {
  /// The index of the resource that cannot be met.
  public var resource: Int
  /// The least value of that resource over all plans, whatever they take of the others.
  public var leastReachable: Int64
  /// True when every budget can be met alone but no plan was found that meets all of them.
  public var isTogether: Bool
  /// False when the search ended before it could exclude every plan.
  public var isProven: Bool
}

extension Solution {
  static func infeasible(
    _ reason: Infeasibility, bound: Double = -.infinity, evaluations: Int
  ) -> Solution {
    Solution(
      status: .infeasible(reason), choice: [], objective: -.infinity, bound: bound, costs: [],
      prices: [], evaluations: evaluations, isCoarsened: false)
  }
}
