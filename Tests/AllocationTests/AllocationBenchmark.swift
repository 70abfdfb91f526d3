import Devices
import Foundation
import NetworkGraph
import Quantities
import Solvers
import TestSupport
import Testing

@testable import Allocation

/// Figures for `docs/allocation.md`, printed, in one run with the peer `allocate_scipy.py`. Our
/// times are processor times of one thread, SciPy's the best of three by the clock.
///
///     ESPALIER_BENCHMARK=1 ESPALIER_PYTHON=…/python swift test --filter AllocationBenchmark
@Suite(
  "AllocationBenchmark", .serialized, .requiresSharedData,
  .enabled(if: ProcessInfo.processInfo.environment["ESPALIER_BENCHMARK"] != nil))
struct AllocationBenchmark {
  /// Of this thread's processor: other work on the machine does not count.
  private func milliseconds(_ body: () throws -> Void) rethrows -> Double {
    func now() -> Double {
      var time = timespec()
      clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
      return 1e3 * Double(time.tv_sec) + 1e-6 * Double(time.tv_nsec)
    }
    let start = now()
    try body()
    return now() - start
  }

  private func printLine(_ format: String, _ arguments: any CVarArg...) {
    FileHandle.standardError.write(Data((String(format: format, arguments: arguments) + "\n").utf8))
  }

  private func importance(_ seed: UInt64) -> (Int) -> Utility {
    var random = SeededGenerator(seed: seed)
    let values = (0..<100).map { _ in Double.random(in: 0.3...3, using: &random) }
    return { .log(importance: values[$0]) }
  }

  @Test("certified gaps and times", arguments: [1, 8], [1, 3])
  func gaps(multiple: Int, limits: Int) throws {
    for shape in NetworkShape.all {
      var gaps: [Double] = []
      var times: [Double] = []
      for share in [0.7, 0.5, 0.3] {
        let shares = [share, 0.9 * share, 0.9 * share].prefix(limits)
        let problem = shape.problem(
          shares: Array(shares), multiple: multiple, utility: importance(5))
        try times.append(
          milliseconds {
            guard case .plan(let plan) = try allocate(problem) else { return }
            gaps.append(plan.gap)
          })
      }
      printLine(
        "gap   %@ step %d, %d limits: %@ %%; %@ ms", shape.name, multiple, limits,
        gaps.map { String(format: "%.4f", 100 * $0) }.joined(separator: " "),
        times.map { String(format: "%.1f", $0) }.joined(separator: " "))
      #expect(gaps.count == 3 && gaps.allSatisfy { $0 <= (limits == 1 ? 1e-3 : 1e-2) })
    }
  }

  /// The peer's answer, rounded, brought within the budget as `released` does.
  private struct PeerAnswer: Decodable {
    var width: [Int]
    var seconds: Double
  }

  private struct PeerProblem: Encodable {
    var importance: [Double]
    var width: [Int]
    var linear: [Double]
    var quadratic: [[Double]]
    var budget: Double
  }

  /// ResNet-56's 27 widths inside blocks; sums stay. The linear objective, as published.
  private func resNet56(share: Double) -> AllocationProblem {
    var random = SeededGenerator(seed: 8)
    var problem = NetworkShape.resNetCIFAR(depth: 56).problem(shares: [share]) { _ in
      .linear(importance: .random(in: 0.3...3, using: &random))
    }
    for stage in 0..<3 { problem.groups[stage].isProtected = true }
    return problem
  }

  private func peer(_ problem: AllocationProblem) throws -> PeerAnswer {
    let free = problem.groups.indices.filter { !problem.groups[$0].isProtected }
    let cost = problem.quadraticCost(of: problem.limits[0]).restricted(to: free)
    var quadratic = free.map { _ in [Double](repeating: 0, count: free.count) }
    for pair in cost.pairs {
      quadratic[pair.first][pair.second] += pair.factor
      quadratic[pair.second][pair.first] += pair.factor
    }
    let input = PeerProblem(
      importance: free.map { problem.importances[$0] },
      width: free.map { problem.groups[$0].width },
      linear: cost.linear, quadratic: quadratic,
      budget: Double(problem.limits[0].limit) - cost.constant)
    let process = Process()
    process.executableURL = URL(
      filePath: ProcessInfo.processInfo.environment["ESPALIER_PYTHON"] ?? "/usr/bin/python3")
    process.arguments = [Fixtures.shared.appending(path: "peers/allocate_scipy.py").path]
    let (input0, output) = (Pipe(), Pipe())
    (process.standardInput, process.standardOutput) = (input0, output)
    try process.run()
    input0.fileHandleForWriting.write(try JSONEncoder().encode(input))
    try input0.fileHandleForWriting.close()
    let data = output.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    return try JSONDecoder().decode(PeerAnswer.self, from: data)
  }

  @Test("against SciPy's SLSQP: one solve, and a catalogue of budgets")
  func againstSciPy() throws {
    var slsqp: [Double] = []
    for share in [0.7, 0.5, 0.3] {
      let problem = resNet56(share: share)
      let answers = try (0..<3).map { _ in try peer(problem) }
      let seconds = answers.map(\.seconds).min() ?? 0
      slsqp.append(1000 * seconds)
      var wanted = problem.groups.map { Double($0.width) }
      for (index, width) in answers[0].width.enumerated() { wanted[index + 3] = Double(width) }
      guard
        case .plan(let rounded) = problem.rounded(wanted, grids: problem.grids(), strategy: "slsqp"),
        case .plan(let certified) = try allocate(problem)
      else { continue }
      let ours = try (0..<3).map { _ in try milliseconds { _ = try allocate(problem) } }.min() ?? 0
      let quick = CertifiedStrategy(solver: LagrangianSolver(targetGap: 1e-3))
      let quickly = (0..<3).map { _ in milliseconds { _ = quick.allocate(problem) } }.min() ?? 0
      printLine(
        """
        slsqp ResNet-56 at %.0f %%: SciPy %.1f ms, objective %.4f rounded into the budget; certified \
        %.1f ms, %.4f, gap %.4f %%; to a gap of 0.1 %%: %.1f ms
        """, 100 * share, 1000 * seconds, rounded.objective, ours, certified.objective,
        100 * certified.gap, quickly)
      #expect(certified.objective >= rounded.objective)
    }
    let problem = resNet56(share: 0.5)
    let dense = problem.costs["macs"]?.value(widths: problem.groups.map(\.width)) ?? 0
    let limits = (0..<1000).map { index in
      [
        ResourceLimit(
          resource: "macs", limit: Int64((0.2 + 0.0007 * Double(index)) * Double(dense)))
      ]
    }
    let solver = CertifiedStrategy(solver: LagrangianSolver(targetGap: 1e-3))
    var outcomes: [AllocationOutcome] = []
    let time = milliseconds { outcomes = solver.allocate(problem, limits: limits) }
    let plans = outcomes.compactMap { if case .plan(let plan) = $0 { plan } else { nil } }
    let mean = slsqp.reduce(0, +) / Double(slsqp.count)
    printLine(
      "path  1,000 budgets of ResNet-56: %.3f ms each, SLSQP %.1f ms: ratio %.1f; greatest gap %.4f %%",
      time / 1000, mean, mean / (time / 1000), 100 * (plans.map(\.gap).max() ?? 1))
    #expect(plans.count == 1000 && plans.allSatisfy { $0.gap <= 1.001e-3 })
    #expect(mean / (time / 1000) >= 10)
  }

  @Test("1,000 devices for ResNet-50's form, two threads")
  func devices() throws {
    let shape = NetworkShape.resNet50()
    let batch = AllocationBatch(
      groups: shape.groups, utilities: shape.widths.indices.map(importance(5)),
      costs: [.macs: shape.macs, .parameters: shape.parameters])
    var random = SeededGenerator(seed: 2)
    let devices = (0..<1000).map { index in
      DeviceProfile(
        name: "d\(index)",
        budgets: [Budget(resource: .macs, amount: .share(.random(in: 0.2...0.9, using: &random)))]
          + (index % 4 == 0
            ? [
              Budget(
                resource: .parameters, amount: .share(.random(in: 0.2...0.9, using: &random)))
            ] : []),
        channelMultiple: 8)
    }
    let gaps = Gaps()
    DispatchQueue.concurrentPerform(iterations: 2) { half in
      let mine = devices.indices.filter { $0 % 2 == half }.map { devices[$0] }
      var outcomes: [AllocationOutcome] = []
      let time = milliseconds {
        outcomes = (try? batch.allocate(mine, targetGap: 1e-3)) ?? []
      }
      gaps.add(
        outcomes.compactMap { if case .plan(let plan) = $0 { plan.gap } else { nil } }, time: time)
    }
    let slower = gaps.times.max() ?? .infinity
    printLine(
      "batch 1,000 devices, step 8, two cores: %.0f devices/s; %d plans, greatest gap %.4f %%",
      1e6 / slower, gaps.values.count, 100 * (gaps.values.max() ?? 1))
    #expect(gaps.values.count == 1000 && 1e6 / slower >= 200)
  }

  private final class Gaps: @unchecked Sendable {
    private let lock = NSLock()
    private(set) var values: [Double] = []
    private(set) var times: [Double] = []
    func add(_ more: [Double], time: Double) {
      lock.withLock {
        values += more
        times.append(time)
      }
    }
  }
}
