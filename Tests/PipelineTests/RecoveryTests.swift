import Datasets
import Digests
import Execution
import NetworkGraph
import NetworkTestSupport
import Recovery
import Surgery
import Tensors
import TestSupport
import Testing

@testable import Pipeline

@Suite("Recovery of a plan", .tags(.backend))
struct RecoveryTests {
  @Test(
    "a sixteenth of the images is held back or more, however few the last shard has",
    arguments: [
      (Array(repeating: 128, count: 39) + [8], 36), (Array(repeating: 128, count: 7) + [104], 7),
      ([96, 4], 1), ([1, 200], 1), ([64, 64], 1),
    ])
  func heldBack(counts: [Int], first: Int) {
    let split = CalibrationSplit(counts: counts, judging: 256)
    #expect(split.fitted == 0..<first && split.heldBack == first..<counts.count)
  }

  @Test("one shard serves for both")
  func oneShard() {
    let split = CalibrationSplit(counts: [50], judging: 256)
    #expect(split.fitted == 0..<1 && split.heldBack == 0..<1)
    #expect(split.judges == [0..<1] && split.others == [[0]])
  }

  @Test("sensitivities are judged in four parts at most, each by all other shards")
  func parts() {
    let two = CalibrationSplit(counts: [128, 128, 128, 40], judging: 256)
    #expect(two.judges == [0..<1, 1..<2] && two.others == [[1, 2, 3], [0, 2, 3]])
    let many = CalibrationSplit(counts: Array(repeating: 20, count: 30), judging: 256)
    #expect(many.judges == [0..<3, 3..<6, 6..<9, 9..<13])
    #expect(
      many.others.map(\.count) == [27, 27, 27, 26] && many.others[1].prefix(4) == [0, 1, 2, 6])
    let few = CalibrationSplit(counts: [30, 30, 30, 10], judging: 256)
    #expect(few.judges.count == 4 && few.others[3] == [0, 1, 2])
    // A fit to 22 images says nothing about one to 150, and four images nothing about any.
    let uneven = CalibrationSplit(counts: [128, 22], judging: 256)
    #expect(uneven.judges == [1..<2] && uneven.others == [[0]])
    let one = CalibrationSplit(counts: [128, 4], judging: 256)
    #expect(one.judges == [0..<2] && one.others == [[0, 1]])
    #expect(CalibrationSplit(counts: [20, 20], judging: 0).judges.isEmpty)
  }

  @Test("variants answer more like the dense network than surgery alone does")
  func better() async throws {
    let (sweep, ending) = try await SmallSweep.plain
    let images = SmallSweep.images(64, seed: 500).tensors[0]
    let dense = try StoryTests.logits(of: sweep.network, images).elements
    let surgeries = ending.jobs(.surgery).filter { !$0.label.hasPrefix("server") }
    #expect(surgeries.count == 2)
    for job in surgeries {
      let artifacts = try #require(ending.results.outputs[job.key]).artifacts
      var errors: [Float] = []
      for artifact in artifacts {
        let network = try sweep.decoded(artifact)
        let logits = try StoryTests.logits(of: network, images).elements
        errors.append(zip(dense, logits).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) })
      }
      #expect(errors.count == 2 && errors[1] < errors[0], "\(job.label): \(errors)")
    }
  }

  @Test("reconstruction with nothing removed is the network itself, bit for bit")
  func identity() throws {
    let network = try SmallSweep.residualNetwork()
    let groups = network.channelGroups()
    let whole = ChannelSelection(
      kept: Dictionary(uniqueKeysWithValues: groups.map { ($0.id, Array(0..<$0.width)) }))
    for selection in [ChannelSelection(), whole] {
      #expect(try network.reconstructed(selection, groups: groups, grams: [:]) == network)
    }
  }

  @Test("removed columns of a reconstructed layer are zero: surgery after it is exact")
  func exactSurgery() async throws {
    let sweep = try SmallSweep()
    let grams = try await Self.grams(sweep)
    let groups = sweep.network.channelGroups()
    let group = try #require(groups.first { $0.name == "block0.inner.conv" })
    let selection = ChannelSelection(kept: [group.id: [0, 2, 3, 7, 9]])
    let fitted = try sweep.network.reconstructed(selection, groups: groups, grams: grams)
    let images = SmallSweep.images(8, seed: 3).tensors[0]
    expectClose(
      try StoryTests.logits(of: fitted.pruned(selection, groups: groups), images).elements,
      try StoryTests.logits(of: fitted, images).elements, tolerance: 1e-5)
    #expect(fitted != sweep.network)
  }

  @Test("a layer that loses exact copies of channels it keeps is restored")
  func redundantChannels() async throws {
    var network = try SmallSweep.residualNetwork()
    // Channels 8 and 9 of the inner layer become copies of 0 and 1.
    for (index, value) in network.values.enumerated() where value.name.hasPrefix("block0.inner") {
      guard let tensor = value.constant, tensor.shape[0] == 10 else { continue }
      network[ValueID(index)].constant = tensor.gathering(
        [0, 1, 2, 3, 4, 5, 6, 7, 0, 1], axis: 0)
    }
    // Many images: moments of few positions are shrunk, and copies no longer look like copies.
    let sweep = try SmallSweep(network: network, images: (640, 40))
    let groups = sweep.network.channelGroups()
    let group = try #require(groups.first { $0.name == "block0.inner.conv" })
    let selection = ChannelSelection(kept: [group.id: Array(0..<8)])
    let fitted = try await sweep.network.reconstructed(
      selection, groups: groups, grams: Self.grams(sweep)
    ).pruned(selection, groups: groups)
    let images = SmallSweep.images(16, seed: 900).tensors[0]
    // The ridge of the least squares and the shrinkage of its moments leave a little.
    expectClose(
      try StoryTests.logits(of: fitted, images).elements,
      try StoryTests.logits(of: sweep.network, images).elements, tolerance: 2e-2)
  }

  @Test("what a group's loss changes does not depend on where the dense network was halted before")
  func halted() async throws {
    let sweep = try SmallSweep()
    let shards = Array(sweep.definition.calibration.shards.prefix(2))
    let digests = try await Self.gramDigests(sweep)
    let grams = try await sweep.bench().grams(digests)
    let trials = [RemovalTrial(shards: shards, grams: digests)]
    let model = try await sweep.bench().model(sweep.definition.model.digest)
    let prunable = model.groups.filter { $0.isPrunable && $0.width > 1 }
    let (forth, back) = (sweep.bench(), sweep.bench(threads: 2))
    func change(_ group: ChannelGroup, on bench: Workbench) async throws -> Double {
      try await bench.outputChange(
        model, selection: Self.half(of: group), on: trials, microBatch: 4)
    }
    var changes: [Int: Double] = [:]
    for group in prunable { changes[group.id] = try await change(group, on: forth) }
    var halts: Set<Int> = []
    for group in prunable.reversed() {
      #expect(try await change(group, on: back) == changes[group.id], "\(group.name)")
      let selection = Self.half(of: group)
      let network = try model.network.reconstructed(selection, groups: model.groups, grams: grams)
        .pruned(selection, groups: model.groups)
      let whole = try await forth.outputChange(
        model, against: network, shards: shards, microBatch: 4)
      let halted = try #require(changes[group.id])
      #expect(halted > 0 && abs(halted - whole) <= 1e-6 * whole, "\(group.name)")
      let halt = try await back.halted(model, before: selection, shards: shards, microBatch: 4)
      halts.insert(halt?.position ?? 0)
      // All that changes lies behind.
      for node in model.network.nodes[..<(halt?.position ?? 0)] {
        for value in node.inputs.compactMap(\.self) {
          #expect(network.constant(value) == model.network.constant(value), "\(node.name)")
        }
      }
    }
    #expect(halts.count > 2)
  }

  @Test("a group most of whose units never vary is told how much the network minds the others")
  func deadUnits() async throws {
    var network = try SmallSweep.residualNetwork()
    // Seven of ten channels of the inner layer are constant.
    let norm = try #require(network.nodes.first { $0.name == "block0.inner.norm" })
    for id in norm.inputs[1...2].compactMap(\.self) {
      for unit in 3..<10 { network[id].constant?.elements[unit] = 0 }
    }
    let sweep = try SmallSweep(network: network)
    let digests = try await Self.gramDigests(sweep)
    let bench = sweep.bench()
    let model = try await bench.model(sweep.definition.model.digest)
    let group = try #require(model.groups.first { $0.name == "block0.inner.conv" })
    let names = model.network.consumerLayers([group]).filter { group.consumers.contains($0.node) }
      .map(\.name)
    let grams = digests.filter { names.contains($0.key) }
    let order = GroupOrder(
      model: model.digest, group: group.id, criterion: "obs", grams: grams,
      trials: [RemovalTrial(shards: [sweep.definition.calibration.shards[0]], grams: grams)],
      microBatch: 4)
    let summary = try await order.compute(on: bench).summary
    #expect(summary.relativeError[3...].allSatisfy { $0 < 1e-9 } && summary.relativeError[1] > 0)
    #expect(Set(summary.removalOrder.suffix(3)) == [0, 1, 2])
    #expect(summary.sensitivity > 0)
  }

  @Test("a bias that two layers read is neither's to change")
  func sharedBias() throws {
    var builder = NetworkBuilder("net", input: [3, 8, 8])
    let inner = try builder.relu(
      builder.convolution(builder.input, outputs: 6, name: "first"), name: "relu")
    let outer = try builder.convolution(inner, outputs: 6, name: "second")
    let logits = try builder.gemm(
      builder.flatten(builder.globalAverage(outer)), outputs: 4, name: "fc")
    var network = builder.finished(logits)
    #expect(network.fittableLayers().allSatisfy { $0.bias != nil })
    let places = network.nodes.indices.filter {
      ["first", "second"].contains(network.nodes[$0].name)
    }
    network.nodes[places[1]].inputs[2] = network.nodes[places[0]].inputs[2]
    #expect(network.fittableLayers().map { $0.bias != nil } == [false, false, true])
  }

  private static func half(of group: ChannelGroup) -> ChannelSelection {
    ChannelSelection(kept: [group.id: Array(0..<group.width / 2)])
  }

  @Test("recalibration sets the statistics of calibration images")
  func recalibration() async throws {
    let sweep = try SmallSweep()
    let shards = sweep.definition.calibration.shards
    let network = try await sweep.bench(threads: 2).recalibrated(sweep.network, shards: shards)
    for (node, old) in zip(network.nodes, sweep.network.nodes) {
      guard case .batchNormalization = node.operation else { continue }
      let mean = try #require(network.constant(node.inputs[3]))
      let variance = try #require(network.constant(node.inputs[4]))
      #expect(mean.elements.allSatisfy { $0.isFinite } && variance.elements.allSatisfy { $0 > 0 })
      #expect(variance.elements.allSatisfy { $0.isFinite })
      #expect(variance != sweep.network.constant(old.inputs[4]))
    }
    // The first layer's input does not depend on any statistic: its mean is the plain mean.
    let stem = try #require(network.nodes.first { $0.name == "stem.norm" })
    let input = try #require(stem.inputs[0])
    let plan = try ReferenceBackend().plan(
      sweep.network, options: ExecutionOptions(batch: 48, taps: [input]))
    let values = try #require(
      try plan.run(SmallSweep.images(48, seed: 7).tensors[0]).values[input])
    let means = (0..<8).map { channel in
      let sum = (0..<48).reduce(0.0) { sum, image in
        values.elements[(image * 8 + channel) * 64..<(image * 8 + channel + 1) * 64]
          .reduce(sum) { $0 + Double($1) }
      }
      return Float(sum / (48 * 64))
    }
    expectClose(
      try #require(network.constant(stem.inputs[3])).elements, means, tolerance: 1e-4)
  }

  @Test("no fit is judged by samples that it was made from")
  func judges() async throws {
    struct Payload<Computation: Decodable>: Decodable { var computation: Computation }
    let (sweep, ending) = try await SmallSweep.plain
    let calibration = sweep.definition.calibration
    /// By shard: what its Grams are stored as.
    let parts = try ending.jobs(.statistics).filter { !$0.isReduction }.reduce(
      into: [Digest: Digest]()
    ) { parts, job in
      let shard = try CanonicalJSON.decode(Payload<InputGrams>.self, from: job.payload).computation
        .shard
      parts[shard] = ending.results.outputs[job.key]?.artifacts.first
    }
    /// By sum of a layer's Grams: the parts that it was added up from.
    var summed: [Digest: [[Digest]]] = [:]
    for job in ending.jobs(.statistics) where job.isReduction {
      let sum = try CanonicalJSON.decode(Payload<GramSum>.self, from: job.payload).computation
      for artifact in try #require(ending.results.outputs[job.key]).artifacts {
        summed[artifact, default: []].append(sum.shards)
      }
    }
    func isMade(_ grams: [String: Digest], of shards: [Digest]) -> Bool {
      let wanted = shards.compactMap { parts[$0] }
      return wanted.count == shards.count
        && grams.values.allSatisfy { summed[$0]?.contains(wanted) == true }
    }
    #expect(calibration.shards.count > 2)
    for job in ending.jobs(.reconstruction) {
      let order = try CanonicalJSON.decode(Payload<GroupOrder>.self, from: job.payload).computation
      #expect(isMade(order.grams, of: calibration.shards))
      #expect(!order.trials.isEmpty)
      for trial in order.trials {
        let others = calibration.shards.filter { !trial.shards.contains($0) }
        #expect(!trial.shards.isEmpty && isMade(trial.grams, of: others))
      }
    }
    let surgeries = ending.jobs(.surgery)
    #expect(!surgeries.isEmpty)
    for job in surgeries {
      let plan = try CanonicalJSON.decode(Payload<PlanSurgery>.self, from: job.payload).computation
      #expect(plan.shards + plan.heldBack == calibration.shards && !plan.heldBack.isEmpty)
      #expect(isMade(plan.grams, of: plan.shards))
    }
  }

  /// Summed Grams of all consumers.
  private static func grams(_ sweep: SmallSweep) async throws -> [String: InputGram] {
    try await sweep.bench().grams(gramDigests(sweep))
  }

  private static func gramDigests(_ sweep: SmallSweep) async throws -> [String: Digest] {
    var planned = sweep
    planned.definition.recipe.plansOnly = true
    let ending = try await planned.run()
    let sum = try #require(ending.jobs.first { $0.label == "sum of Grams" })
    let artifacts = try #require(ending.results.outputs[sum.key]).artifacts
    let names = try planned.pipeline().layers.map(\.name)
    return Dictionary(uniqueKeysWithValues: zip(names, artifacts))
  }
}
