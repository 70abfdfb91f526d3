import Devices
import Digests
import Pipeline
import Recovery
import TestSupport
import Testing

@Suite("Criteria in a sweep", .tags(.backend))
struct CriteriaStoryTests {
  @Test(
    "a sweep runs to its end with every criterion, within the budgets",
    arguments: ChannelCriteria.all.map(\.name))
  func story(criterion: String) async throws {
    var sweep = try SmallSweep(devices: [
      SmallSweep.device("phone", [.macs: 0.6]), SmallSweep.device("tight", [.macs: 0.05]),
    ])
    sweep.definition.recipe.criterion = criterion
    let report = try await sweep.run().report
    #expect(report.variants[0].status == .ready, "\(report.variants[0].reason ?? "")")
    #expect(report.variants[0].evaluation?.samples == 40)
    for use in report.variants[0].budgets.values { #expect(use.used <= use.limit) }
    // Where a criterion gives a least width, what lies below is infeasible and says so.
    if ["lq", "pq-index"].contains(criterion) {
      #expect(report.variants[1].status == .infeasible)
    }
  }

  @Test("another criterion is another job, and the default's own choice is kept")
  func keys() async throws {
    let whole = try await SmallSweep.plain
    var sweep = whole.sweep
    sweep.definition.recipe.criterion = "l1"
    let ending = try await sweep.run()
    let orders = ending.jobs(.reconstruction).map(\.key)
    #expect(Set(orders).isDisjoint(with: whole.ending.jobs(.reconstruction).map(\.key)))
    #expect(
      Set(ending.jobs(.statistics).map(\.key))
        == Set(whole.ending.jobs(.statistics).map(\.key)))
  }

  @Test("layers with fewer positions than columns are fitted all the same")
  func scarce() async throws {
    let report = try await SmallSweep(images: (calibration: 4, evaluation: 8)).run().report
    #expect(report.variants.allSatisfy { $0.status == .ready })
  }

  @Test("a criterion that does not exist is refused before anything runs")
  func unknown() throws {
    var sweep = try SmallSweep()
    sweep.definition.recipe.criterion = "magic"
    let error = #expect(throws: PipelineError.self) { _ = try sweep.pipeline() }
    #expect(error?.message.contains("magic") == true && error?.message.contains("fpgm") == true)
  }
}
