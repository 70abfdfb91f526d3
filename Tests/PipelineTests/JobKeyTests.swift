import Devices
import Digests
import Foundation
import ONNXFormat
import Quantities
import TestSupport
import Testing

@testable import Pipeline

@Suite("Job keys", .tags(.backend))
struct JobKeyTests {
  @Test("equal definitions ask for equal jobs, whatever they are called")
  func equal() async throws {
    let (sweep, first) = try await SmallSweep.plain
    var renamed = try SmallSweep()
    renamed.definition.name = "another night"
    renamed.definition.calibration.name = "elsewhere"
    let second = try await renamed.run()
    #expect(first.jobs == second.jobs)
    #expect(try sweep.definition.key == SmallSweep().definition.key)
    for job in first.jobs { #expect(job.key == Digest(of: job.payload)) }
  }

  @Test("sums of others' results are the coordinator's own, and nothing else is")
  func reductions() async throws {
    let jobs = try await SmallSweep.plain.ending.jobs
    let sums = Set(jobs.filter(\.isReduction).map(\.label))
    #expect(sums.isSuperset(of: ["nHSIC", "sum of Grams", "tables"]))
    #expect(
      sums.allSatisfy { ["nHSIC", "tables"].contains($0) || $0.hasPrefix("sum of Grams") })
    let kinds = try Set(jobs.filter { !$0.isReduction }.map { try Self.kind(of: $0) })
    #expect(
      kinds == [
        KernelMeasurement.kind, TilePairScores.kind, InputGrams.kind, GroupOrder.kind,
        DeviceAllocations.kind,
        PlanSurgery.kind, ShardEvaluation.kind,
      ])
    // Without a user's command nothing is recovered outside.
    #expect(Set(jobs.map(\.stage)) == Set(Stage.allCases).subtracting([.recovery]))
    #expect(jobs.allSatisfy { $0.weight >= 0 && $0.weight.isFinite })
  }

  @Test("other devices ask for no new scores, statistics or reconstruction")
  func otherDevices() async throws {
    let (plain, first) = try await SmallSweep.plain
    var sweep = plain
    sweep.definition.devices = [
      SmallSweep.device("phone", [.macs: 0.45]), SmallSweep.device("laptop", [.parameters: 0.7]),
    ]
    let second = try await Cluster(bench: sweep.bench()).drive(
      sweep.pipeline(), knowing: first.results)
    #expect(Set(second.jobs.map(\.stage)) == [.allocation, .surgery, .evaluation])
    #expect(!second.jobs.contains { $0.isReduction })
    #expect((1...2).contains(second.jobs(.allocation).count))
    #expect(!second.jobs.contains { $0.label.hasPrefix("dense") })
  }

  @Test("another model, other data or another recipe asks for other jobs of the stages they touch")
  func different() async throws {
    let (plain, known) = try await SmallSweep.plain
    let keys = Set(known.jobs.map(\.key))
    /// The stages in which a changed sweep asks for jobs that the plain one did not have.
    func news(_ change: (inout SweepDefinition) throws -> Void) async throws -> Set<Stage> {
      var sweep = plain
      try change(&sweep.definition)
      let ending = try await sweep.run()
      let (changed, original) = try (sweep.definition.key, plain.definition.key)
      #expect(changed != original)
      return Set(ending.jobs.filter { !keys.contains($0.key) }.map(\.stage))
    }
    let downstream: Set<Stage> = [.reconstruction, .allocation, .surgery, .evaluation]
    // New tables make new allocations; the same widths are the same surgery.
    #expect(try await news { $0.recipe.beta = 2 } == [.scores])
    #expect(try await news { $0.recipe.taps = .blocks } == [.scores])
    #expect(try await news { $0.recipe.utility = .log }.isSuperset(of: [.allocation]))
    #expect(try await news { $0.recipe.errorPower = 2 }.isSuperset(of: [.allocation]))
    #expect(
      try await news {
        $0.recipe.gramPositions = 9
        $0.recipe.fewestPositions = 0
      } == downstream.union([.statistics]))
    #expect(try await news { $0.recipe.gramPositions = 32 }.isEmpty, "still as many as there are")
    #expect(
      try await news { $0.recipe.sensitivityImages = 40 }
        .isSuperset(of: [.reconstruction, .allocation]))
    #expect(try await news { $0.recipe.strategy = "uniform" }.isSuperset(of: [.allocation]))
    #expect(try await news { $0.recipe.meanWeight = 3 }.isSuperset(of: [.surgery]))
    #expect(try await news { $0.recipe.exchanges = true }.isSuperset(of: [.surgery]))
    #expect(try await news { $0.recipe.mirrors = true }.isSuperset(of: [.surgery]))
    #expect(try await news { $0.recipe.jointSteps = 3 }.isEmpty, "only --reconstruction joint")
    #expect(
      try await news {
        $0.recipe.reconstruction = .joint
        $0.recipe.jointSteps = 1
      }.isSuperset(of: [.surgery]))
    #expect(
      try await news { $0.recipe.reconstruction = .sequential }.isSuperset(of: [.surgery]))
    // The last bits may differ, and need not: what follows from equal sums is shared.
    #expect(
      try await news { $0.recipe.microBatch = 5 }
        .isSuperset(of: [.scores, .statistics, .reconstruction, .surgery, .evaluation]))
    #expect(
      try await news {
        $0.devices[1] = SmallSweep.device("phone", [.macs: 0.4])
      }.isSuperset(of: [.allocation]))
    #expect(
      try await news {
        let images = SmallSweep.images(48, seed: 1000)
        $0.calibration = SmallSweep.stored(images, "other", tile: 16, in: plain.artifacts)
      } == Set(Stage.allCases).subtracting([.recovery]))
    #expect(
      try await news {
        let images = try SmallSweep.labelled(
          SmallSweep.images(16, seed: 1001), by: plain.network)
        $0.evaluation = SmallSweep.stored(images, "other", tile: 16, in: plain.artifacts)
      } == [.evaluation])
    let other = try SmallSweep(network: SmallSweep.residualNetwork(seed: 4))
    let ending = try await other.run()
    #expect(keys.isDisjoint(with: ending.jobs.map(\.key)))
  }

  @Test("more calibration images of the same set reuse the tiles and Grams that are there")
  func moreImages() async throws {
    let small = try SmallSweep(images: (32, 40))
    let keys = Set(try await small.run().jobs.map(\.key))
    let large = try await SmallSweep(images: (48, 40)).run().jobs
    let tiles = large.filter { $0.label.hasPrefix("tiles") }
    #expect(tiles.count == 6 && tiles.filter { keys.contains($0.key) }.count == 3)
    let shards = large.filter { $0.stage == .statistics && $0.label.hasPrefix("shard") }
    #expect(shards.count == 3 && shards.filter { keys.contains($0.key) }.count == 2)
  }

  @Test("a payload of an unknown kind is refused by name")
  func unknownKind() async throws {
    let bench = try SmallSweep().bench()
    let error = await #expect(throws: PipelineError.self) {
      _ = try await Job.run(payload: Data(#"{"kind": "tea-3", "computation": {}}"#.utf8), on: bench)
    }
    #expect(error?.code == .unknownJob && error?.message.contains("tea-3") == true)
  }

  private static func kind(of job: Job) throws -> String {
    struct Kind: Decodable { var kind: String }
    return try CanonicalJSON.decode(Kind.self, from: job.payload).kind
  }
}
