import Datasets
import Devices
import Digests
import Execution
import Importance
import NetworkGraph
import Pipeline
import Quantities
import Tensors
import TestSupport
import Testing

@Suite("A sweep from beginning to end", .tags(.backend))
struct StoryTests {
  @Test("every device gets a variant within its budgets, counted on the exported file")
  func story() async throws {
    let (sweep, ending) = try await SmallSweep.plain
    let report = try ending.report
    #expect(report.variants.map(\.device) == ["server", "phone", "watch"])
    #expect(report.variants.allSatisfy { $0.status == .ready && $0.reason == nil })
    #expect(report.baseline?.samples == 40 && report.baseline?.correct == 32)
    for variant in report.variants {
      let network = try sweep.decoded(try #require(variant.digest))
      #expect(variant.macs?.count == Self.macs(of: network))
      let (parameters, stored) = Self.numbers(in: network)
      #expect(variant.parameters?.count == parameters)
      #expect(variant.modelBytes?.count == 4 * stored)
      let used: [String: Int64] = [
        "macs": Self.macs(of: network), "parameters": parameters, "model_bytes": 4 * stored,
      ]
      #expect(!variant.budgets.isEmpty)
      for (resource, budget) in variant.budgets {
        #expect(budget.used == used[resource])
        #expect(budget.used <= budget.limit, "\(variant.device) is over budget on \(resource)")
      }
      #expect(variant.evaluation?.samples == 40 && variant.evaluationBefore?.samples == 40)
      #expect(variant.baseline == report.baseline)
      #expect(try #require(variant.gap) >= 0)
      #expect(network.metadata.properties["espalier.parent"] == sweep.definition.model.digest.hex)
    }
    let watch = report.variants[2]
    let groups = denseWidths(sweep)
    for (name, width) in try #require(watch.widths) {
      #expect(width % 2 == 0 || width == groups[name], "group \(name) is off the device's grid")
    }
  }

  @Test("a device that takes the whole network gets it back exactly")
  func dense() async throws {
    let sweep = try SmallSweep(devices: [SmallSweep.device("server", [.macs: 1])])
    let variant = try await sweep.run().report.variants[0]
    for evaluation in [variant.evaluation, variant.evaluationBefore] {
      #expect(evaluation?.correct == variant.baseline?.correct)
      #expect(evaluation?.correctTop5 == variant.baseline?.correctTop5)
      #expect(evaluation?.sameClass == 1)
    }
    #expect(variant.objective == 0 && variant.gap == 0)
    let exported = try sweep.decoded(try #require(variant.digest))
    let images = SmallSweep.images(8, seed: 99).tensors[0]
    // Dead channels may be gone; they are worth nothing to any output.
    let tolerance: Float = variant.widths == denseWidths(sweep) ? 0 : 1e-5
    expectClose(
      try Self.logits(of: exported, images).elements,
      try Self.logits(of: sweep.network, images).elements, tolerance: tolerance)
  }

  @Test(
    "the whole story is told for every kind of tap and utility",
    arguments: [
      (TapKind.groups, UtilityKind.log), (.groups, .linear), (.blocks, .error),
      (.batchnorm, .error),
    ])
  func choices(taps: TapKind, utility: UtilityKind) async throws {
    var sweep = try SmallSweep()
    sweep.definition.recipe.taps = taps
    sweep.definition.recipe.utility = utility
    let report = try await sweep.run().report
    #expect(report.variants.allSatisfy { $0.status == .ready })
    #expect(report.scores.taps.count == report.scores.importance.count)
  }

  @Test("planning only gives widths and costs, and cuts nothing")
  func plansOnly() async throws {
    let whole = try await SmallSweep.plain.ending.report
    var sweep = try SmallSweep()
    sweep.definition.recipe.plansOnly = true
    let ending = try await sweep.run()
    #expect(ending.jobs(.surgery).isEmpty && ending.jobs(.evaluation).isEmpty)
    for (planned, ready) in zip(try ending.report.variants, whole.variants) {
      #expect(planned.status == .planned)
      #expect(planned.digest == nil && planned.evaluation == nil && planned.baseline == nil)
      #expect(planned.widths == ready.widths && planned.macs == ready.macs)
      #expect(planned.parameters == ready.parameters && planned.modelBytes == ready.modelBytes)
      #expect(planned.peakActivationBytes == ready.peakActivationBytes)
    }
  }

  @Test("without evaluation there are networks and no accuracies", arguments: [true, false])
  func noEvaluation(hasData: Bool) async throws {
    var sweep = try SmallSweep()
    sweep.definition.recipe.evaluates = false
    if !hasData { sweep.definition.evaluation = nil }
    let ending = try await sweep.run()
    #expect(ending.jobs(.evaluation).isEmpty)
    #expect(try ending.report.baseline == nil)
    for variant in try ending.report.variants {
      #expect(variant.status == .ready && variant.digest != nil)
      #expect(
        variant.evaluation == nil && variant.evaluationBefore == nil && variant.baseline == nil)
    }
  }

  private func denseWidths(_ sweep: SmallSweep) -> [String: Int] {
    let groups = sweep.network.channelGroups()
    return Dictionary(uniqueKeysWithValues: groups.map { ($0.name, $0.width) })
  }

  static func logits(of network: Network, _ images: Tensor) throws -> Tensor {
    let plan = try ReferenceBackend().plan(
      network, options: ExecutionOptions(batch: images.shape[0]))
    return try #require(try plan.run(images).values[network.outputs[0]])
  }

  /// Counted from shapes alone, not by the module's rules.
  static func macs(of network: Network) -> Int64 {
    network.nodes.reduce(0) { sum, node in
      guard node.inputs.count > 1, let weight = network.constant(node.inputs[1]) else { return sum }
      switch node.operation {
      case .convolution:
        let places = network[node.output].shape.elementsPerImage / weight.shape[0]
        return sum + Int64(places * weight.count)
      case .gemm: return sum + Int64(weight.count)
      default: return sum
      }
    }
  }

  /// Learned numbers, and all that are stored.
  static func numbers(in network: Network) -> (learned: Int64, stored: Int64) {
    var learned = 0
    var stored = 0
    for node in network.nodes {
      for (position, input) in node.inputs.enumerated() {
        guard let constant = network.constant(input) else { continue }
        stored += constant.count
        var isStatistic = false
        if case .batchNormalization = node.operation { isStatistic = position > 2 }
        if !isStatistic { learned += constant.count }
      }
    }
    return (Int64(learned), Int64(stored))
  }
}
