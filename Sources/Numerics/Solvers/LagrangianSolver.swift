/// Solves a ``ChoiceProblem`` by Lagrangian bounds and proves how good its answer is.
///
/// Prices on the resources make the problem a dynamic programme (``TreeProgramme``), cutting planes
/// find the best prices (``Relaxation``), every plan met is repaired and improved
/// (``LocalSearch``), and branch and bound splits the variables on which the plans at the best
/// prices disagree: after the root few are left. Deterministic.
public struct LagrangianSolver: Sendable {
  /// The most parts the plans are split into; 1 stops at the root's bound.
  public var nodeLimit: Int
  /// The most sums in all evaluations of the dynamic programme before no part is split any more:
  /// a bound on time that does not depend on the machine; 10⁸ take about a second.
  public var effortLimit: Double
  /// The most sums in one evaluation, 8 bytes of tables each at worst; beyond it options are put
  /// together in cells, and ``Solution/isCoarsened`` says so.
  public var workLimit: Double
  /// A plan within this relative distance of the bound counts as optimal.
  public var tolerance: Double

  public init(
    nodeLimit: Int = 400, effortLimit: Double = 4e8, workLimit: Double = 16e6,
    tolerance: Double = 1e-9
  ) {
    self.nodeLimit = nodeLimit
    self.effortLimit = effortLimit
    self.workLimit = workLimit
    self.tolerance = tolerance
  }

  /// The best plan found, a bound for all plans, or the resource that no plan can meet.
  ///
  /// - Complexity: Evaluations × Σ over eliminated variables of the options of the variable times
  ///   those of its separator; tens of milliseconds for a ResNet-56 under one budget.
  public func solve(_ problem: ChoiceProblem) -> Solution {
    problem.checkSizes()
    if let reason = unreachable(problem) { return .infeasible(reason, evaluations: 1) }
    var search = Search(problem, solver: self)
    return search.run()
  }

  /// The first resource that even its cheapest plan exceeds.
  private func unreachable(_ problem: ChoiceProblem) -> Infeasibility? {
    for (index, resource) in problem.resources.enumerated() {
      let least = leastCost(of: index, in: problem)
      if least > resource.limit {
        return Infeasibility(
          resource: index, leastReachable: least, isTogether: false, isProven: true)
      }
    }
    return nil
  }

  /// The least cost of one resource over all plans, whatever they take of the others.
  ///
  /// Exact; only where the tables are too large, and options were put together, a lower bound.
  public func leastCost(of resource: Int, in problem: ChoiceProblem) -> Int64 {
    var alone = problem
    alone.resources = [problem.resources[resource]]
    let coarse = Coarsening(alone, workLimit: workLimit).relaxed
    var programme = TreeProgramme(coarse)
    let choice = programme.maximise(
      utilityWeight: 0, prices: [coarse.resources[0].scale],
      ranges: coarse.utilities.map { 0...($0.count - 1) })
    return coarse.resources[0].cost(of: choice)
  }
}
