import Datasets
import Digests
import NetworkGraph
import Recovery
import Surgery
import Tensors

extension Pipeline {
  /// What is still missing of a sweep's jobs for ``science(_:images:on:)``; empty if nothing.
  public func jobsForScience(_ results: Results) throws -> [Job] {
    var inquiry = Inquiry(results)
    if let grams = try grams(&inquiry) { _ = try orders(grams, &inquiry) }
    return inquiry.missing
  }

  /// Prunes every group alone to a half and compares what that does with what scores say.
  ///
  /// - Parameters:
  ///   - results: Of the sweep's statistics and orders.
  ///   - images: Calibration images to look at, at most.
  /// - Throws: ``PipelineError`` with `invalidInput` where results are missing.
  public func science(
    _ results: Results, images: Int, on bench: Workbench
  ) async throws -> LayerScience {
    var inquiry = Inquiry(results)
    guard let digests = try grams(&inquiry), let orders = try orders(digests, &inquiry) else {
      throw PipelineError(
        .invalidInput, "sweep \(definition.name) is not far enough: run it to its end")
    }
    let grams = try await bench.grams(digests.all)
    let samples = try await bench.samples(definition.calibration.shards, atMost: images)
    let groups = model.groups.filter { $0.isPrunable && orders[$0.id] != nil }
    return try await bench.compute {
      let study = try GroupStudy(
        model: model, groups: groups, layers: layers, grams: grams, samples: samples,
        runner: bench.runner, microBatch: definition.recipe.microBatch)
      return LayerScience(
        model: definition.model.name, images: samples.count,
        rows: try groups.enumerated().compactMap { place, group in
          guard let order = orders[group.id] else { return nil }
          return try study.row(of: group, place: place, order)
        })
    }
  }
}

extension Workbench {
  /// The first samples of some shards as one.
  fileprivate func samples(_ shards: [Digest], atMost limit: Int) async throws -> DataShard {
    var parts: [DataShard] = []
    var count = 0
    for digest in shards where count < limit {
      let shard = try await shard(digest)
      parts.append(shard.shard(0..<min(shard.count, limit - count)))
      count += parts[parts.count - 1].count
    }
    guard let whole = try DataShard.joining(parts) else {
      throw PipelineError(.invalidInput, "there are no calibration images to look at")
    }
    return whole
  }
}

/// The dense network's side of the comparison, and how a group is measured against it.
private struct GroupStudy {
  let model: PreparedModel
  let groups: [ChannelGroup]
  let layers: [ConsumerLayer]
  let grams: [String: InputGram]
  let samples: DataShard
  let runner: NetworkRunner
  let microBatch: Int
  let outputs: [Tensor]
  let output: LinearDependence
  /// By group, in their order.
  let activations: [LinearDependence]

  init(
    model: PreparedModel, groups: [ChannelGroup], layers: [ConsumerLayer],
    grams: [String: InputGram], samples: DataShard, runner: NetworkRunner, microBatch: Int
  ) throws {
    (self.model, self.groups, self.layers, self.grams) = (model, groups, layers, grams)
    (self.samples, self.runner, self.microBatch) = (samples, runner, microBatch)
    outputs = try runner.outputs(of: model.network, on: samples, microBatch: microBatch)
    output = LinearDependence(outputs[0])
    activations = try groups.map { group in
      guard let tap = model.network.tap(of: group) else {
        return LinearDependence(Tensor(shape: []))
      }
      return LinearDependence(
        try runner.run(model.network, on: samples, taps: [tap], microBatch: microBatch)[0])
    }
  }

  func row(of group: ChannelGroup, place: Int, _ order: GroupOrder.Summary) throws
    -> LayerScience.Row
  {
    let half = max(group.width / 2, 1)
    let kept = order.removalOrder.suffix(half).sorted()
    let error = order.relativeError[half]
    let selection = ChannelSelection(kept: [group.id: kept])
    let fitted = try model.network.reconstructed(selection, groups: model.groups, grams: grams)
    let sliced = try fitted.pruned(selection, groups: model.groups)
    let damage = Self.change(
      from: outputs, to: try runner.outputs(of: sliced, on: samples, microBatch: microBatch))
    let readers = try readers(of: group, fitted: fitted)

    let evidence = try model.network.evidence(of: group, grams: grams)
    let others = activations.indices.filter { $0 != place }
      .map { activations[place].normalised(with: activations[$0]) }
    let withOutput = activations[place].normalised(with: output)
    let contributions = evidence.contributions
    let retained = try keptDependence(of: group, kept: kept, dense: activations[place])
    func mean(_ values: [Double]) -> Double {
      values.reduce(0, +) / Double(max(values.count, 1))
    }
    let filters = evidence.producers.map(\.foldedFilters)
    return LayerScience.Row(
      group: group.name, width: group.width, damage: damage,
      sensitivity: error > 0 ? damage / error : 0,
      scores: [
        "nhsic-sum": others.reduce(0, +), "nhsic-outputs": withOutput,
        "nhsic-corrected": withOutput - mean(others),
        "effective": (Compressibility.effectiveCount(contributions, q: 0.5) ?? 0)
          / Double(group.width),
        "pq-index": Compressibility.sparsityIndex(contributions, p: 0.5, q: 1) ?? 0,
        "capacity": mean(filters.flatMap { FilterInformation.capacities($0) }),
        "independence": mean(filters.flatMap { FilterInformation.independence($0) }),
        "width": Double(group.width), "depth": Double(place),
        "kept": 1 - retained, "kept-outputs": (1 - retained) * withOutput,
        "error": error, "readers": readers.lostDependence,
        "readers-outputs": error * readers.withOutput,
        "lost-outputs": error * readers.lostWithOutput,
      ])
  }

  /// nHSIC between a group's activation and the same with only the kept channels in it.
  private func keptDependence(
    of group: ChannelGroup, kept: [Int], dense: LinearDependence
  ) throws -> Double {
    guard let tap = model.network.tap(of: group),
      let member = group.members.first(where: { $0.axis.value == tap })
    else { return 1 }
    var values = try run(model.network, [tap])[0]
    let inner = values.shape[(member.axis.axis + 1)...].reduce(1, *)
    let extent = values.shape[member.axis.axis]
    let stays = Set(kept)
    let gone = Set(
      member.indices.indices.filter { !stays.contains($0) }.flatMap { member.indices[$0] })
    for place in values.elements.indices where gone.contains(place / inner % extent) {
      values.elements[place] = 0
    }
    return dense.normalised(with: LinearDependence(values))
  }

  /// What the readers of a group lose, on average.
  private struct Readers {
    var lostDependence = 0.0
    var withOutput = 0.0
    var lostWithOutput = 0.0
  }

  private func readers(of group: ChannelGroup, fitted: Network) throws -> Readers {
    let taps = layers.filter { group.consumers.contains($0.node) }
      .map { model.network.nodes[$0.node].output }
    let share = 1 / Double(max(taps.count, 1))
    var result = Readers()
    // Removed channels still run in the fitted network, into weights of zero.
    for (dense, after) in zip(try run(model.network, taps), try run(fitted, taps)) {
      var lost = after
      for (place, value) in dense.elements.enumerated() { lost.elements[place] -= value }
      let before = LinearDependence(dense)
      result.lostDependence += share * (1 - before.normalised(with: LinearDependence(after)))
      result.withOutput += share * before.normalised(with: output)
      result.lostWithOutput += share * LinearDependence(lost).normalised(with: output)
    }
    return result
  }

  private func run(_ network: Network, _ taps: [ValueID]) throws -> [Tensor] {
    try runner.run(network, on: samples, taps: taps, microBatch: microBatch)
  }

  /// Squared change relative to the squared outputs, averaged over the network's outputs.
  private static func change(from dense: [Tensor], to changed: [Tensor]) -> Double {
    zip(dense, changed).reduce(0) { sum, pair in
      var (error, power) = (0.0, 0.0)
      for (a, b) in zip(pair.0.elements, pair.1.elements) {
        error += Double(a - b) * Double(a - b)
        power += Double(a) * Double(a)
      }
      return sum + error / (power > 0 ? power : 1) / Double(dense.count)
    }
  }
}
