import Allocation
import Devices
import Digests
import Foundation
import NetworkGraph
import Surgery
import TestSupport
import Testing

@testable import Pipeline

@Suite("Plans for many devices", .tags(.backend))
struct PlanningTests {
  private static let many: [DeviceProfile] = (0..<90).map { index in
    var shares: [BudgetResource: Double] = [.macs: 0.3 + 0.007 * Double(index)]
    if index.isMultiple(of: 3) { shares[.parameters] = 0.5 }
    return SmallSweep.device("device\(index)", shares, multiple: index % 4 == 1 ? 2 : 1)
  }

  private func planned(
    _ devices: [DeviceProfile], knowing results: Results = Results(),
    recipe change: (inout Recipe) -> Void = { _ in }
  ) async throws -> Ending {
    var sweep = try await SmallSweep.plain.sweep
    sweep.definition.devices = devices
    sweep.definition.recipe.plansOnly = true
    change(&sweep.definition.recipe)
    return try await Cluster(bench: sweep.bench()).drive(sweep.pipeline(), knowing: results)
  }

  @Test("batches are of some sixteen devices, and their order in the catalogue does not matter")
  func batches() throws {
    let batches = try DeviceProfile.batches(Self.many)
    #expect(batches.flatMap(\.self).sorted() == Array(Self.many.indices))
    #expect((3...12).contains(batches.count))
    func names(_ batches: [[Int]], _ devices: [DeviceProfile]) -> [[String]] {
      batches.map { $0.map { devices[$0].name } }
    }
    var generator = SeededGenerator(seed: 2)
    let shuffled = Self.many.shuffled(using: &generator)
    #expect(
      names(try DeviceProfile.batches(shuffled), shuffled) == names(batches, Self.many))
    // One device less changes the batch it was in, which may join the next.
    for index in Self.many.indices {
      var fewer = Self.many
      let gone = fewer.remove(at: index)
      let before = Set(names(batches, Self.many))
      let after = Set(names(try DeviceProfile.batches(fewer), fewer))
      #expect(before.subtracting(after).count <= 2)
      #expect(before.subtracting(after).contains { $0.contains(gone.name) })
    }
  }

  @Test("a device's plan is its own: alone, in any batch, in any order")
  func ownPlans() async throws {
    let known = try await SmallSweep.plain.ending.results
    let together = try await planned(Self.many, knowing: known)
    let report = try together.report
    #expect(report.variants.map(\.device) == Self.many.map(\.name))
    let jobs = together.jobs(.allocation)
    let batches = try DeviceProfile.batches(Self.many)
    #expect(jobs.count == 2 * batches.count)
    for index in [0, 1, 2, 41, 89] {
      let alone = try await planned([Self.many[index]], knowing: known)
      let own = try alone.report.variants
      #expect(own == [report.variants[index]])
    }
    let reversed = try await planned(Array(Self.many.reversed()), knowing: together.results)
    #expect(reversed.jobs.isEmpty)
    let backwards = try reversed.report.variants
    #expect(Array(backwards.reversed()) == report.variants)
    // A new device costs its own batch.
    let added = try await planned(
      [SmallSweep.device("new", [.macs: 0.77])] + Self.many, knowing: together.results)
    #expect(added.jobs.count <= 4 && added.jobs.allSatisfy { $0.stage == .allocation })
    let others = try added.report.variants.dropFirst()
    #expect(Array(others) == report.variants)
  }

  @Test("a ladder's bigger budgets contain the smaller ones, channel for channel")
  func ladder() async throws {
    var sweep = try await SmallSweep.plain.sweep
    sweep.definition.devices = [0.5, 0.9, 0.3, 0.7].map {
      SmallSweep.device("at \($0)", [.macs: $0])
    }
    sweep.definition.recipe.isLadder = true
    let ending = try await sweep.run()
    let report = try ending.report
    #expect(report.variants.allSatisfy { $0.status == .ready })
    #expect(ending.jobs(.allocation).filter { !$0.isReduction }.count == 1)
    let groups = sweep.network.channelGroups()
    let rungs = try ending.jobs(.surgery).map(Self.selection).sorted {
      $0.widths(groups).reduce(0, +) < $1.widths(groups).reduce(0, +)
    }
    #expect(rungs.count == 4)
    for (smaller, bigger) in zip(rungs, rungs.dropFirst()) {
      for group in groups {
        #expect(Set(smaller.units(of: group)).isSubset(of: bigger.units(of: group)))
      }
    }
    for variant in report.variants {
      #expect(variant.budgets.values.allSatisfy { $0.used <= $0.limit })
    }
  }

  @Test("of several plans the nearest on calibration images is taken, whatever the evaluation says")
  func candidates() async throws {
    var sweep = try await SmallSweep.plain.sweep
    sweep.definition.recipe.candidates = 3
    let ending = try await sweep.run()
    for variant in try ending.report.variants {
      let candidates = variant.candidates
      #expect(Set(candidates.map(\.plan.widths)).count == candidates.count)
      #expect(candidates.count == 3)
      #expect(candidates.allSatisfy { $0.plan.usage.allSatisfy(\.isWithin) })
      let taken = candidates.filter(\.isChosen)
      #expect(taken.count == 1)
      let chosen = try #require(taken.first)
      #expect(candidates.allSatisfy { $0.outputError ?? -1 >= chosen.outputError ?? .infinity })
      #expect(
        variant.objective == chosen.plan.objective && variant.bound == candidates[0].plan.bound)
      #expect((variant.gap ?? -1) >= 0)
    }
    #expect(ending.jobs(.surgery).count > 3)
    // Only what was chosen is evaluated, and nothing about it is known when the choice is made.
    var blind = sweep
    blind.definition.recipe.evaluates = false
    let other = try await blind.run()
    #expect(other.jobs(.evaluation).isEmpty)
    #expect(try other.report.variants.map(\.digest) == ending.report.variants.map(\.digest))
    let networks = Set(try ending.report.variants.map(\.digest))
    #expect(ending.jobs(.evaluation).count <= 3 * (1 + 2 * networks.count))
  }

  @Test("devices that the network or a ladder cannot serve are refused at once")
  func refusals() throws {
    func refusal(_ devices: [DeviceProfile], isLadder: Bool = false) throws -> String? {
      var sweep = try SmallSweep(devices: devices)
      sweep.definition.recipe.isLadder = isLadder
      do {
        _ = try sweep.pipeline()
        return nil
      } catch let error as PipelineError {
        #expect(error.code == .unsuitableDevice)
        return error.message
      }
    }
    let plain = SmallSweep.device("plain", [.macs: 0.5])
    let ruled = DeviceProfile(
      name: "ruled", budgets: plain.budgets,
      widthRules: [WidthRule(group: "nowhere", stays: true)])
    #expect(try refusal([plain]) == nil)
    #expect(try refusal([plain, ruled])?.contains("'nowhere'") == true)
    let even = SmallSweep.device("even", [.macs: 0.7], multiple: 2)
    #expect(try refusal([plain, even], isLadder: true)?.contains("even") == true)
    let crossed = [
      SmallSweep.device("wide", [.macs: 0.5, .parameters: 0.4]),
      SmallSweep.device("deep", [.macs: 0.4, .parameters: 0.5]),
    ]
    #expect(try refusal(crossed) == nil)
    let message = try refusal(crossed, isLadder: true)
    #expect(message?.contains("wide") == true && message?.contains("deep") == true)
  }

  @Test("an account says what the report says, with the widths by layer")
  func account() async throws {
    let (sweep, ending) = try await SmallSweep.plain
    let pipeline = try sweep.pipeline()
    var walk = Walk()
    _ = try pipeline.advance(ending.results, from: &walk)
    let needed = try #require(try pipeline.explanationArtifacts(of: "phone", at: walk))
    let artifacts = [try sweep.artifacts.data(for: try #require(needed.first))]
    let variant = try ending.report.variants[1]
    let account = try pipeline.account(of: "phone", at: walk, artifacts: artifacts)
    #expect(account.candidates == variant.candidates)
    #expect(account.explanation?.objective == variant.objective)
    for group in try #require(account.explanation).groups {
      #expect(variant.widths?[group.name] == group.width)
    }
    let exported = try sweep.decoded(try #require(variant.digest))
    let layers = exported.nodes.filter { node in account.layers.contains { $0.name == node.name } }
    #expect(layers.count == account.layers.count && layers.count == 7)
    for (node, layer) in zip(layers, account.layers) {
      #expect(exported[node.output].shape[1].extent == layer.kept)
      #expect(layer.kept <= layer.dense)
    }
    #expect(account.description.contains("phone") && account.description.contains("macs"))
    #expect(throws: PipelineError.self) {
      try pipeline.account(of: "nobody", at: walk, artifacts: artifacts)
    }
  }

  private static func selection(of job: Job) throws -> ChannelSelection {
    struct Payload: Decodable { var computation: PlanSurgery }
    return try CanonicalJSON.decode(Payload.self, from: job.payload).computation.selection
  }
}
