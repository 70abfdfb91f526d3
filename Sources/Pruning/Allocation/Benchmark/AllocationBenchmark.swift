import Devices
import Foundation
import NetworkGraph
import Parallelism
import Quantities
import Solvers

/// Measures the certified strategy: how near to the optimum, and in how much time.
///
/// Problems have the form of known networks, and importances in 0.3…3 that are the same on every
/// machine. Times are processor times of the thread, so that other work does not count.
public enum AllocationBenchmark {
  /// Of one network's form, by budget.
  public struct Gaps: Sendable, Codable {
    public var network: String
    /// What widths are multiples of.
    public var step: Int
    /// How many resources are limited.
    public var limits: Int
    /// Whether all groups matter equally: then plans of equal worth abound, and bounds are harder.
    public var isEqual: Bool
    /// At 70, 50 and 30 % of the MACs: shares, 0 where the plan is proven best.
    public var gaps: [Double]
    public var milliseconds: [Double]
  }

  /// The certified answers at 70, 50 and 30 % of MACs; with three limits, at nine tenths of that in
  /// parameters and bytes, too.
  public static func gaps(step: Int, limits: Int, isEqual: Bool) throws -> [Gaps] {
    try NetworkShape.all.map { shape in
      var result = Gaps(
        network: shape.name, step: step, limits: limits, isEqual: isEqual, gaps: [],
        milliseconds: [])
      for share in [0.7, 0.5, 0.3] {
        let shares = [share, 0.9 * share, 0.9 * share].prefix(limits)
        let problem = shape.problem(shares: Array(shares), multiple: step) {
          .log(importance: isEqual ? 1 : importance($0))
        }
        result.milliseconds.append(
          try milliseconds {
            if case .plan(let plan) = try allocate(problem) { result.gaps.append(plan.gap) }
          })
      }
      return result
    }
  }

  /// A peer's problem and answer, as `allocate_scipy.py` speaks them.
  public struct PeerProblem: Sendable, Encodable {
    var importance: [Double]
    var width: [Int]
    var linear: [Double]
    var quadratic: [[Double]]
    var budget: Double
  }

  public struct PeerAnswer: Sendable, Decodable {
    var width: [Int]
    var seconds: Double
  }

  /// ResNet-56's 27 widths under the published linear objective, against a peer.
  public struct Comparison: Sendable, Codable {
    /// Of the dense MACs.
    public var share: Double
    public var peerMilliseconds: Double
    /// Of the peer's widths, rounded into the budget.
    public var peerObjective: Double
    /// To the end, and to a gap of 0.1 %.
    public var milliseconds: Double
    public var millisecondsToTarget: Double
    public var objective: Double
    public var gap: Double
  }

  /// - Parameter peer: Solves a problem; the best time of three counts.
  public static func compared(
    with peer: (PeerProblem) throws -> PeerAnswer
  ) throws -> [Comparison] {
    try [0.7, 0.5, 0.3].compactMap { share in
      let problem = resNet56(share: share)
      let answers = try (0..<3).map { _ in try peer(peerProblem(problem)) }
      var wanted = problem.groups.map { Double($0.width) }
      for (index, width) in answers[0].width.enumerated() { wanted[index + 3] = Double(width) }
      guard
        case .plan(let rounded) = problem.rounded(wanted, grids: problem.grids(), strategy: "peer"),
        case .plan(let plan) = try allocate(problem)
      else { return nil }
      let quick = CertifiedStrategy(solver: LagrangianSolver(targetGap: 1e-3))
      return Comparison(
        share: share, peerMilliseconds: 1000 * (answers.map(\.seconds).min() ?? 0),
        peerObjective: rounded.objective,
        milliseconds: try best { _ = try allocate(problem) },
        millisecondsToTarget: best { _ = quick.allocate(problem) }, objective: plan.objective,
        gap: plan.gap)
    }
  }

  /// Many budgets or devices at once.
  public struct Catalogue: Sendable, Codable {
    public var devices: Int
    public var plans: Int
    /// Processor time of the slower of two threads.
    public var milliseconds: Double
    public var greatestGap: Double
  }

  /// A thousand budgets of ResNet-56's 27 widths, to a gap of 0.1 %, on one thread.
  public static func budgets() throws -> Catalogue {
    let problem = resNet56(share: 1)
    let dense = problem.limits[0].limit
    let solver = LagrangianSolver(targetGap: 1e-3)
    var solutions: [Solution] = []
    let time = milliseconds {
      let path = LagrangianPath(problem.choices(grids: problem.grids()))
      solutions = (0..<1000).map { index in
        path.solve(limits: [Int64((0.2 + 0.0007 * Double(index)) * Double(dense))], by: solver)[0]
      }
    }
    return Catalogue(
      devices: 1000, plans: solutions.count { !$0.choice.isEmpty }, milliseconds: time,
      greatestGap: solutions.map(\.gap).max() ?? 0)
  }

  /// A thousand devices for ResNet-50's form at step 8, a quarter of them with two limits, to a gap
  /// of 0.1 % or after little branching, on two threads.
  public static func devices() throws -> Catalogue {
    let shape = NetworkShape.resNet50()
    let devices = (0..<1000).map { index in
      let limits = [(BudgetResource.macs, 0.61803), (.parameters, 0.41421)]
      return DeviceProfile(
        name: "device \(index)",
        budgets: limits.prefix(index % 4 == 0 ? 2 : 1).map { resource, turn in
          Budget(resource: resource, amount: .share(0.2 + 0.7 * spread(index, turn)))
        }, channelMultiple: 8)
    }
    let halves = try parallelMap(count: 2, threads: 2) { half in
      let batch = AllocationBatch(
        groups: shape.groups,
        utilities: shape.widths.indices.map { .log(importance: importance($0)) },
        costs: [.macs: shape.macs, .parameters: shape.parameters])
      var outcomes: [AllocationOutcome] = []
      let time = try milliseconds {
        outcomes = try batch.allocate(
          devices.indices.filter { $0 % 2 == half }.map { devices[$0] }, targetGap: 1e-3)
      }
      return (time, outcomes)
    }
    let gaps = halves.flatMap(\.1).compactMap { outcome -> Double? in
      if case .plan(let plan) = outcome { plan.gap } else { nil }
    }
    return Catalogue(
      devices: 1000, plans: gaps.count, milliseconds: halves.map(\.0).max() ?? 0,
      greatestGap: gaps.max() ?? 0)
  }
}

extension AllocationBenchmark {
  /// 0…1, evenly spread: multiples of an irrational number need no generator.
  private static func spread(_ index: Int, _ turn: Double) -> Double {
    (Double(index + 1) * turn).truncatingRemainder(dividingBy: 1)
  }

  private static func importance(_ group: Int) -> Double { 0.3 + 2.7 * spread(group, 0.618_034) }

  /// Of the thread's processor.
  private static func milliseconds(_ body: () throws -> Void) rethrows -> Double {
    1e-6 * Double(try ProcessorTime.of(body))
  }

  private static func best(of count: Int = 3, _ body: () throws -> Void) rethrows -> Double {
    try (0..<count).map { _ in try milliseconds(body) }.min() ?? 0
  }

  /// Widths inside blocks; sums stay. The linear objective, as published.
  private static func resNet56(share: Double) -> AllocationProblem {
    var problem = NetworkShape.resNetCIFAR(depth: 56).problem(shares: [share]) {
      .linear(importance: importance($0))
    }
    for stage in 0..<3 { problem.groups[stage].isProtected = true }
    return problem
  }

  private static func peerProblem(_ problem: AllocationProblem) -> PeerProblem {
    let free = problem.groups.indices.filter { !problem.groups[$0].isProtected }
    let cost = problem.quadraticCost(of: problem.limits[0]).restricted(to: free)
    var quadratic = free.map { _ in [Double](repeating: 0, count: free.count) }
    for pair in cost.pairs {
      quadratic[pair.first][pair.second] += pair.factor
      quadratic[pair.second][pair.first] += pair.factor
    }
    return PeerProblem(
      importance: free.map { problem.importances[$0] },
      width: free.map { problem.groups[$0].width }, linear: cost.linear, quadratic: quadratic,
      budget: Double(problem.limits[0].limit) - cost.constant)
  }
}
