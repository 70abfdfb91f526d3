import TestSupport
import Testing

@testable import Solvers

@Suite("Costs of sums of variables", .tags(.pure))
struct JointCostTests {
  /// A random problem with costs of up to four variables at once, which rise and fall.
  private func problem(_ seed: Int) -> ChoiceProblem {
    var problem = randomProblem(
      seed: UInt64(900 + seed), variables: 3 + seed % 4, options: 4, edges: seed % 5,
      resources: 1 + seed % 2, tightness: 1)
    var random = SeededGenerator(seed: UInt64(seed))
    let counts = problem.utilities.map(\.count)
    for resource in problem.resources.indices {
      for _ in 0..<Int.random(in: 1...3, using: &random) {
        func side() -> [JointCost.Term] {
          counts.indices.shuffled(using: &random).prefix(Int.random(in: 0...2, using: &random)).map
          {
            variable in
            .init(
              variable: variable,
              steps: (0..<counts[variable]).map { $0 * Int.random(in: 1...2, using: &random) })
          }
        }
        let (first, second) = (side(), side())
        func size(_ terms: [JointCost.Term]) -> Int {
          terms.reduce(1) { $0 + ($1.steps.max() ?? 0) }
        }
        problem.resources[resource].joints.append(
          JointCost(
            first: first, second: second,
            table: (0..<size(first) * size(second)).map { _ in
              Int64.random(in: 0...90, using: &random)
            }, columns: size(second)))
      }
      let all = allChoices(counts).map(problem.resources[resource].cost)
      let (least, most) = (all.min() ?? 0, all.max() ?? 0)
      let tightness = [0.0, 0.2, 0.5][seed % 3]
      problem.resources[resource].limit = least + Int64(tightness * Double(most - least))
    }
    return problem
  }

  @Test("the plan is that of brute force, and no plan is over a budget", arguments: 0..<60)
  func bruteForce(seed: Int) {
    let problem = problem(seed)
    let all = allChoices(problem.utilities.map(\.count))
    let optimum = all.filter(problem.allows).map(problem.utility).max()
    let solution = LagrangianSolver().solve(problem)
    guard let optimum else {
      guard case .infeasible(let reason) = solution.status else {
        Issue.record("a plan where there is none")
        return
      }
      #expect(reason.isTogether && solution.bound == -.infinity)
      return
    }
    #expect(solution.status == .optimal && problem.allows(solution.choice))
    #expect(solution.costs == problem.costs(of: solution.choice))
    expectClose([solution.objective], [optimum], tolerance: 2e-9)
    #expect(LagrangianSolver().bound(problem) >= optimum)
    for (index, resource) in problem.resources.enumerated() {
      #expect(LagrangianSolver().least(index, problem) == all.map(resource.cost).min())
    }
    if let greedy = GreedyDescent().solve(problem) { #expect(problem.allows(greedy)) }
  }

  @Test("a path answers every limit as brute force does, whatever else is asked", arguments: 0..<20)
  func path(seed: Int) {
    let problem = problem(seed)
    let path = LagrangianPath(problem)
    let all = allChoices(problem.utilities.map(\.count))
    let limits = [0.9, 0.1, 0.5, 0.25].map { share in
      problem.resources.map { resource in
        let costs = all.map(resource.cost)
        let (least, most) = (costs.min() ?? 0, costs.max() ?? 0)
        return least + Int64(share * Double(most - least))
      }
    }
    let solutions = limits.map { path.solve(limits: $0)[0] }
    for (limits, solution) in zip(limits, solutions).reversed() {
      #expect(path.solve(limits: limits) == [solution])
      var limited = problem
      for index in limits.indices { limited.resources[index].limit = limits[index] }
      guard let optimum = all.filter(limited.allows).map(limited.utility).max() else {
        #expect(solution.choice.isEmpty && solution.bound == -.infinity)
        continue
      }
      guard limited.allows(solution.choice) else {
        Issue.record("over a budget")
        continue
      }
      expectClose([solution.objective], [optimum], tolerance: 2e-9)
      #expect(solution.bound >= optimum)
    }
  }

  @Test("the merged problem has the costs of the original", arguments: 0..<20)
  func merging(seed: Int) {
    let problem = problem(seed)
    let merging = Merging(problem)
    let merged = allChoices(merging.problem.utilities.map(\.count))
    #expect(merged.count == allChoices(problem.utilities.map(\.count)).count)
    for choice in merged {
      let split = merging.split(choice)
      #expect(merging.problem.costs(of: choice) == problem.costs(of: split))
      expectClose(
        [merging.problem.utility(of: choice)], [problem.utility(of: split)], tolerance: 1e-12)
    }
  }
}
