/// What is learnt about a problem before any limits are known: the plans at the prices of a fixed
/// list of limits, from the dearest plan down to one at a tenth of its costs.
///
/// Prices that were tried for one set of limits bound the plans of every other, and plans found for
/// one are candidates for every other. Each solution starts from the same path and leaves it as it
/// is, so that it depends on its own limits alone: not on which others are asked for, or in which
/// order.
public struct LagrangianPath: Sendable {
  private let merging: Merging
  private let search: Search

  /// Limits tried, as shares of the dearest plan's costs, for all resources at once.
  private static let shares = (1...24).map { 1 - 0.0375 * Double($0) }

  /// - Parameter problem: Its limits are not used.
  /// - Complexity: Two dozen roughly solved problems.
  public init(_ problem: ChoiceProblem) {
    problem.checkSizes()
    var dear = problem
    for index in dear.resources.indices {
      dear.resources[index].limit = problem.resources[index].greatest
    }
    // Looking around asks for no proofs.
    merging = Merging(dear)
    var search = Search(merging.problem, solver: LagrangianSolver(nodeLimit: 1, targetGap: 1e-3))
    for share in Self.shares {
      let limits = dear.resources.map { Int64(share * Double($0.limit)) }
      _ = search.run(limits: limits, count: 1)
    }
    self.search = search
  }

  /// The best distinct plans within some limits, as ``LagrangianSolver/solve(_:count:)`` gives them.
  ///
  /// - Parameters:
  ///   - limits: Of every resource, in the problem's order.
  ///   - solver: How far to go; its `workLimit` is not used.
  public func solve(
    limits: [Int64], count: Int = 1, by solver: LagrangianSolver = LagrangianSolver()
  ) -> [Solution] {
    var own = search
    own.solver = solver
    return own.run(limits: limits, count: count).map(merging.split)
  }
}

extension ResourceConstraint {
  /// No choice costs more.
  fileprivate var greatest: Int64 {
    unary.reduce(constant) { $0 + ($1.max() ?? 0) } + pairs.reduce(0) { $0 + $1.costs.greatest }
      + joints.reduce(0) { $0 + ($1.table.max() ?? 0) }
  }
}

extension PairTable {
  fileprivate var greatest: Int64 {
    switch self {
    case .product(let first, let second): (first.max() ?? 0) * (second.max() ?? 0)
    case .table(let rows): rows.lazy.compactMap { $0.max() }.max() ?? 0
    }
  }
}
