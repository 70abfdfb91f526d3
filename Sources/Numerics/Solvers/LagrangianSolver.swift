/// Solves a ``ChoiceProblem`` by Lagrangian bounds and proves how good its answer is.
///
/// Prices on the resources make the problem a dynamic programme (``TreeProgramme``), cutting planes
/// find the best prices (``Relaxation``), every plan met is repaired and improved
/// (``LocalSearch``), options that no better plan can have are cut away, and branch and bound splits
/// the variables on which the plans at the best prices disagree. Deterministic.
public struct LagrangianSolver: Sendable {
  /// The most parts the plans are split into; 1 stops at the root's bound. Where few options are
  /// left, nodes cost little, and more of them are allowed.
  public var nodeLimit: Int
  /// The most sums in all evaluations of the dynamic programme before no part is split any more:
  /// a bound on time that does not depend on the machine.
  public var effortLimit: Double
  /// The most sums in one evaluation, 8 bytes of tables each at worst; beyond it options are put
  /// together in cells, and ``Solution/isCoarsened`` says so.
  public var workLimit: Double
  /// A plan within this relative distance of the bound counts as optimal.
  public var tolerance: Double
  /// A plan within this relative distance of the bound is good enough to stop at; 0 for the best.
  public var targetGap: Double

  public init(
    nodeLimit: Int = 400, effortLimit: Double = 1e8, workLimit: Double = 32e6,
    tolerance: Double = 1e-9, targetGap: Double = 0
  ) {
    self.nodeLimit = nodeLimit
    self.effortLimit = effortLimit
    self.workLimit = workLimit
    self.tolerance = tolerance
    self.targetGap = targetGap
  }

  /// The best plan found, a bound for all plans, or the resource that no plan can meet.
  ///
  /// - Complexity: Evaluations × sums of one; see ``TreeProgramme``.
  public func solve(_ problem: ChoiceProblem) -> Solution {
    solve(problem, count: 1)[0]
  }

  /// The best distinct plans, best first: at most `count`, fewer where there are no more.
  ///
  /// The bound of each is for every plan that does not stand before it in the list. Where no plan
  /// is within the budgets, the one solution says why.
  public func solve(_ problem: ChoiceProblem, count: Int) -> [Solution] {
    precondition(count >= 1, "\(count) plans are none")
    problem.checkSizes()
    let merging = Merging(problem)
    var search = Search(merging.problem, solver: self)
    return search.run(limits: problem.resources.map(\.limit), count: count).map(merging.split)
  }

  /// A least value of one resource over all choices, whatever they take of the others: no choice
  /// takes less.
  public func least(_ resource: Int, _ problem: ChoiceProblem) -> Int64 {
    problem.checkSizes()
    var relaxation = Relaxation(Coarsening(Merging(problem).problem, workLimit: workLimit).relaxed)
    return relaxation.cheapest(resource).costs[resource]
  }
}
