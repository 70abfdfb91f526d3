import TestSupport
import Testing

@testable import Solvers

@Suite("Lagrangian solver", .tags(.pure))
struct LagrangianSolverTests {
  private func optimum(_ problem: ChoiceProblem) -> Double? {
    allChoices(problem.utilities.map(\.count)).filter(problem.allows).map(problem.utility).max()
  }

  @Test(
    "the bound is above the optimum, the plan below it and within every budget", arguments: 0..<80)
  func boundsTheOptimum(seed: Int) throws {
    let problem = randomProblem(
      seed: UInt64(seed), variables: 2 + seed % 6, options: 5, edges: seed % 8,
      resources: 1 + seed % 3, tightness: [0.1, 0.3, 0.6, 1][seed / 7 % 4])
    for nodes in [1, 400] {
      let solution = LagrangianSolver(nodeLimit: nodes).solve(problem)
      guard let optimum = optimum(problem) else {
        guard case .infeasible = solution.status else {
          Issue.record("a plan where there is none")
          return
        }
        continue
      }
      #expect(solution.bound >= optimum)
      if case .infeasible(let reason) = solution.status {
        #expect(!reason.isProven)
        continue
      }
      #expect(problem.allows(solution.choice))
      #expect(solution.costs == problem.costs(of: solution.choice))
      #expect(solution.objective == problem.utility(of: solution.choice))
      #expect(solution.objective <= optimum)
      if nodes > 1 {
        #expect(solution.status == .optimal)
        expectClose([solution.objective], [optimum], tolerance: 2e-9)
      }
    }
  }

  @Test("independent variables under one budget are solved to the end", arguments: 0..<20)
  func knapsack(seed: Int) {
    let problem = randomProblem(
      seed: UInt64(500 + seed), variables: 7, options: 5, edges: 0, resources: 1, tightness: 0.37)
    let solution = LagrangianSolver().solve(problem)
    #expect(solution.status == .optimal)
    expectClose([solution.objective], [optimum(problem) ?? 0], tolerance: 2e-9)
  }

  @Test("a budget below the cheapest plan is named with the least value")
  func infeasible() {
    var problem = randomProblem(seed: 3, variables: 5, options: 4, edges: 5, resources: 2)
    let least = allChoices(problem.utilities.map(\.count)).map(problem.resources[1].cost).min() ?? 0
    problem.resources[1].limit = least - 1
    #expect(
      LagrangianSolver().solve(problem).status
        == .infeasible(
          Infeasibility(resource: 1, leastReachable: least, isTogether: false, isProven: true)))
    problem.resources[1].limit = least
    problem.resources[0].limit = .max / 4
    #expect(LagrangianSolver().solve(problem).status == .optimal)
  }

  @Test("budgets that exclude each other are infeasible together")
  func infeasibleTogether() {
    let problem = ChoiceProblem(
      utilities: [[0, 1]],
      resources: [
        ResourceConstraint(name: "a", limit: 5, unary: [[9, 1]]),
        ResourceConstraint(name: "b", limit: 5, unary: [[2, 8]]),
      ])
    guard case .infeasible(let reason) = LagrangianSolver().solve(problem).status else {
      Issue.record("a plan where there is none")
      return
    }
    #expect(reason.isTogether && reason.isProven)
    #expect(reason.resource == 1 && reason.leastReachable == 2)
  }

  @Test("without resources every variable takes its best option")
  func unconstrained() {
    let problem = ChoiceProblem(utilities: [[1, 3, 2], [-1, -2]], resources: [])
    let solution = LagrangianSolver().solve(problem)
    #expect(solution.choice == [1, 0])
    #expect(solution.status == .optimal && solution.gap == 0)
  }

  @Test("a coarsened problem still bounds the optimum and keeps the budgets", arguments: 0..<20)
  func coarsened(seed: Int) {
    let problem = randomProblem(
      seed: UInt64(seed + 40), variables: 5, options: 7, edges: 6, resources: 2, tightness: 0.4)
    let solution = LagrangianSolver(nodeLimit: 60, workLimit: 40).solve(problem)
    guard let optimum = optimum(problem), !solution.choice.isEmpty else { return }
    #expect(solution.bound >= optimum)
    #expect(solution.objective <= optimum)
    #expect(problem.allows(solution.choice))
  }

  @Test("the same problem gives the same answer")
  func deterministic() {
    let problem = randomProblem(seed: 9, variables: 7, options: 5, edges: 9, resources: 3)
    #expect(LagrangianSolver().solve(problem) == LagrangianSolver().solve(problem))
  }

  @Test(
    "many limits on one path: every answer is valid, bounded by brute force, and its own",
    arguments: 0..<30)
  func manyLimits(seed: Int) {
    let problem = networkLikeProblem(
      seed: UInt64(900 + seed), variables: 4, options: 5, edges: 4, resources: 1 + seed % 3)
    let full = problem.resources.map(\.limit)
    let limits = [0.3, 1.4, 0.6, 1, 0.6, 0.05].map { share in
      full.map { Int64(share * Double($0)) }
    }
    for gap in [0, 0.05] {
      let path = LagrangianPath(problem)
      let solver = LagrangianSolver(targetGap: gap)
      let solutions = limits.map { path.solve(limits: $0, by: solver)[0] }
      // A path is as it was, whatever was asked of it.
      for (limit, solution) in zip(limits, solutions).reversed() {
        #expect(path.solve(limits: limit, by: solver) == [solution])
      }
      for (solution, limits) in zip(solutions, limits) {
        var limited = problem
        for index in limits.indices { limited.resources[index].limit = limits[index] }
        guard let optimum = optimum(limited) else {
          guard case .infeasible = solution.status else {
            Issue.record("a plan where there is none")
            continue
          }
          continue
        }
        #expect(solution.bound >= optimum)
        guard !solution.choice.isEmpty else {
          Issue.record("no plan where there is one")
          continue
        }
        #expect(limited.allows(solution.choice))
        #expect(solution.objective == limited.utility(of: solution.choice))
        if gap == 0 { expectClose([solution.objective], [optimum], tolerance: 2e-9) }
        #expect(solution.gap <= gap + 1e-9)
      }
    }
  }

  @Test("among many options the optimum is that of brute force, and proven", arguments: 0..<16)
  func narrowed(seed: Int) {
    let problem = networkLikeProblem(
      seed: UInt64(700 + seed), variables: 4, options: 13, edges: 4, resources: 1 + seed % 2,
      tightness: 0.3)
    let solution = LagrangianSolver().solve(problem)
    guard let optimum = optimum(problem) else {
      #expect(solution.choice.isEmpty)
      return
    }
    #expect(problem.allows(solution.choice) && solution.bound >= optimum)
    #expect(solution.status == .optimal)
    expectClose([solution.objective], [optimum], tolerance: 2e-9)
  }

  @Test("a problem of some options is the problem where they are chosen")
  func restricted() {
    let problem = networkLikeProblem(
      seed: 5, variables: 4, options: 6, edges: 5, resources: 2, tightness: 0.5)
    let ranges = problem.utilities.enumerated().map { variable, options in
      min(variable, options.count - 1)...(options.count - 1)
    }
    #expect(ranges.contains { $0.lowerBound > 0 })
    let part = problem.restricted(to: ranges)
    part.checkSizes()
    for choice in allChoices(ranges.map(\.count)) {
      let whole = zip(ranges, choice).map { $0.lowerBound + $1 }
      #expect(part.costs(of: choice) == problem.costs(of: whole))
      #expect(part.utility(of: choice) == problem.utility(of: whole))
    }
  }

  @Test("the best few plans are those of brute force", arguments: 0..<25)
  func bestPlans(seed: Int) {
    let problem = networkLikeProblem(
      seed: UInt64(300 + seed), variables: 4, options: 4, edges: 4, resources: 1 + seed % 2,
      tightness: 0.4)
    let ranked = allChoices(problem.utilities.map(\.count)).filter(problem.allows)
      .map(problem.utility).sorted(by: >)
    let solutions = LagrangianSolver(nodeLimit: 5000).solve(problem, count: 6)
    #expect(solutions.count == min(6, ranked.count))
    expectClose(
      solutions.map(\.objective), Array(ranked.prefix(solutions.count)), tolerance: 2e-9)
    #expect(Set(solutions.map(\.choice)).count == solutions.count)
    #expect(solutions.allSatisfy { problem.allows($0.choice) && $0.objective <= $0.bound })
  }

  @Test("the bound alone is never below the optimum", arguments: 0..<40)
  func boundAlone(seed: Int) {
    let problem = networkLikeProblem(
      seed: UInt64(seed), variables: 5, options: 4, edges: 6, resources: 2, tightness: 0.3)
    guard let optimum = optimum(problem) else { return }
    #expect(LagrangianSolver().bound(problem) >= optimum)
    #expect(LagrangianSolver(workLimit: 30).bound(problem) >= optimum)
  }

  @Test("greedy and genetic plans keep the budgets, and a seed gives one answer", arguments: 0..<20)
  func heuristics(seed: Int) throws {
    let problem = networkLikeProblem(
      seed: UInt64(60 + seed), variables: 5, options: 5, edges: 4, resources: 2, tightness: 0.3)
    let best = try #require(optimum(problem))
    let genetic = try #require(GeneticSearch(seed: 3).solve(problem))
    let greedy = try #require(GreedyDescent().solve(problem))
    #expect(problem.allows(genetic) && problem.allows(greedy))
    #expect(problem.utility(of: genetic) <= best + 1e-12)
    #expect(GeneticSearch(seed: 3).solve(problem) == genetic)
  }
}
