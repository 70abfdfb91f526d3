import Foundation
import NetworkGraph
import NetworkTestSupport
import ONNXFormat
import PruningTestSupport
import Quantities
import Surgery
import TestSupport
import Testing

/// Surgery on networks that nobody would draw.
///
/// `ESPALIER_FUZZ_SEEDS` sets how many are tried; `ESPALIER_FUZZ_FIRST` the first seed.
@Suite(.tags(.backend))
struct RandomNetworkTests {
  static func setting(_ name: String) -> Int? {
    ProcessInfo.processInfo.environment[name].flatMap { Int($0) }
  }

  /// One after the other in each of two lanes.
  static let lanes = 0..<2

  /// What became of the seeds of a lane.
  struct Tally {
    var networks = 0
    var pruned = 0
    var visible = 0
    var infinite = 0
    var files = 0
  }

  @Test(
    "random networks are grouped, pruned, counted and written without a fault", arguments: lanes)
  func surgery(lane: Int) throws {
    var tally = Tally()
    let first = Self.setting("ESPALIER_FUZZ_FIRST") ?? 0
    let count = Self.setting("ESPALIER_FUZZ_SEEDS") ?? 400
    for seed in stride(from: first + lane, to: first + count, by: Self.lanes.count) {
      do {
        try check(seed: UInt64(seed), &tally)
      } catch {
        Issue.record("seed \(seed): \(error)")
      }
    }
    print("random networks, lane \(lane): \(tally)")
    if count >= 100 {
      #expect(tally.pruned > tally.networks / 3)
      #expect(tally.visible > tally.networks / 10)
      #expect(tally.infinite < tally.networks / 10)
    }
  }

  private func check(seed: UInt64, _ tally: inout Tally) throws {
    let network = try RandomNetwork.network(seed: seed)
    let groups = network.channelGroups()
    tally.networks += 1
    if seed % 5 == 0 {
      try checkFile(network, seed: seed)
      tally.files += 1
    }
    guard groups.contains(where: \.isPrunable) else { return }
    var generator = SeededGenerator(seed: seed)
    let selection = ChannelSelection.random(groups, using: &generator)
    let sliced = try network.pruned(selection, groups: groups)
    let masked = try network.masked(selection, groups: groups)
    tally.pruned += 1
    try checkCosts(network, sliced, selection.widths(groups), groups, seed: seed)

    let inputs = randomInputs(2, for: network, seed: seed)
    let actual = try TestBackend.reference.outputs(of: sliced, for: inputs)
    let expected = try TestBackend.reference.outputs(of: masked, for: inputs)
    let whole = try TestBackend.reference.outputs(of: network, for: inputs)
    for place in expected.indices {
      guard (expected[place] + whole[place]).allSatisfy(\.isFinite) else {
        tally.infinite += 1
        continue
      }
      let greatest = expected[place].map(abs).max() ?? 0
      let tolerance = 1e-4 * max(range(expected[place]), 1e-2 * greatest)
      let difference = zip(actual[place], expected[place]).map { abs($0 - $1) }.max() ?? 0
      #expect(
        actual[place].count == expected[place].count && difference <= tolerance,
        "seed \(seed): output \(place) is off by \(difference), tolerance \(tolerance)")
      tally.visible += whole[place] == expected[place] ? 0 : 1
    }
  }

  private func checkCosts(
    _ network: Network, _ sliced: Network, _ widths: [Int], _ groups: [ChannelGroup], seed: UInt64
  ) throws {
    let model = network.costModel(groups: groups)
    let cost = sliced.cost()
    #expect(model.macs.value(widths: widths) == cost.macs.count, "seed \(seed)")
    #expect(model.parameters.value(widths: widths) == cost.parameters.count, "seed \(seed)")
    #expect(model.modelBytes.value(widths: widths) == cost.modelBytes.count, "seed \(seed)")
    let reach = try network.reachableCosts(groups: groups)
    #expect(reach.least.macs <= cost.macs && cost.macs <= reach.greatest.macs, "seed \(seed)")
    #expect(
      reach.least.peakActivationBytes <= cost.peakActivationBytes
        && cost.peakActivationBytes <= reach.greatest.peakActivationBytes, "seed \(seed)")
  }

  /// A network that was written and read computes the same.
  private func checkFile(_ network: Network, seed: UInt64) throws {
    var written = network
    written.metadata.opset = 21
    let read = try ONNXModel.decode(ONNXModel.encode(written), name: "read")
    let inputs = randomInputs(2, for: network, seed: seed)
    let actual = try TestBackend.reference.outputs(of: read, for: inputs)
    let expected = try TestBackend.reference.outputs(of: network, for: inputs)
    for (actual, expected) in zip(actual, expected) where expected.allSatisfy(\.isFinite) {
      let tolerance = 1e-4 * (expected.map(abs).max() ?? 0)
      let difference = zip(actual, expected).map { abs($0 - $1) }.max() ?? 0
      #expect(
        actual.count == expected.count && difference <= tolerance,
        "seed \(seed): the file is off by \(difference)")
    }
  }
}
