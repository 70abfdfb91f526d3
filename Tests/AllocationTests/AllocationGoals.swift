import Foundation
import TestSupport
import Testing

@testable import Allocation

/// The goals of the certified strategy, as `espalier benchmark allocation` measures them.
///
///     ESPALIER_BENCHMARK=1 swift test --filter AllocationGoals
@Suite(
  "AllocationGoals", .serialized,
  .enabled(if: ProcessInfo.processInfo.environment["ESPALIER_BENCHMARK"] != nil))
struct AllocationGoals {
  @Test(
    "certified gaps are at most 0.1 % with one limit, and 1 % with three", arguments: [1, 8],
    [1, 3])
  func gaps(step: Int, limits: Int) throws {
    for entry in try AllocationBenchmark.gaps(step: step, limits: limits, isEqual: false) {
      #expect(entry.gaps.count == 3 && entry.gaps.allSatisfy { $0 <= (limits == 1 ? 1e-3 : 1e-2) })
    }
  }

  @Test("a thousand budgets and a thousand devices")
  func catalogues() throws {
    let budgets = try AllocationBenchmark.budgets()
    #expect(budgets.plans == 1000 && budgets.greatestGap <= 1.001e-3)
    let devices = try AllocationBenchmark.devices()
    #expect(devices.plans == 1000 && 1e6 / devices.milliseconds >= 200)
  }
}
