import Allocation
import Devices
import Digests
import Foundation
import Importance
import NetworkGraph
import Quantities
import Recovery
import Surgery

/// What a model does on the evaluation set, as far as it is known.
enum Measurement: Equatable {
  case pending
  /// The recipe asks for none.
  case notAsked
  case counted(Evaluation)
  case failed(JobFailureReason)

  var evaluation: Evaluation? {
    if case .counted(let evaluation) = self { evaluation } else { nil }
  }
}

/// Summed input Grams, by layer name.
struct CalibrationGrams {
  /// Of all calibration shards.
  var all: [String: Digest]
  /// Of those that variants are fitted to.
  var fitted: [String: Digest]
  /// By part of the shards that sensitivities are measured on: of all others.
  var others: [[String: Digest]]
}

extension Pipeline {
  var recipe: Recipe { definition.recipe }
  var calibration: DatasetReference { definition.calibration }

  /// Positions of each image that enter Grams and fits, at most: more where images are few. By powers
  /// of two, so that a few more images do not make other Grams of those that were there.
  var positionsPerImage: Int {
    var positions = max(recipe.gramPositions, 1)
    while positions * calibration.count < recipe.fewestPositions { positions *= 2 }
    return positions
  }

  var split: CalibrationSplit {
    CalibrationSplit(
      counts: calibration.shards.indices.map { calibration.images(inShard: $0) },
      judging: recipe.sensitivityImages)
  }

  func grams(_ inquiry: inout Inquiry) throws -> CalibrationGrams? {
    let all = try grams(of: Array(calibration.shards.indices), "sum of Grams", &inquiry)
    let fitted = try grams(
      of: Array(split.fitted), "sum of Grams without what is held back", &inquiry)
    let others = try split.others.enumerated().map { part, shards in
      try grams(of: shards, "sum of Grams for judges \(part)", &inquiry)
    }
    guard let all, let fitted, let others = others.whole() else { return nil }
    return CalibrationGrams(all: all, fitted: fitted, others: others)
  }

  /// Input Grams of some shards, summed in their order, by layer name.
  private func grams(
    of shards: [Int], _ label: String, _ inquiry: inout Inquiry
  ) throws -> [String: Digest]? {
    let names = layers.map(\.name)
    let parts = try shards.map { index in
      try inquiry.outcome(
        of: InputGrams(
          model: model.digest, shard: calibration.shards[index], layers: names,
          positions: positionsPerImage, microBatch: recipe.microBatch),
        label: "shard \(index)", weight: gramWork(shard: index))
    }
    guard let done = parts.whole() else { return nil }
    guard
      let sums = try inquiry.outcome(
        of: GramSum(layers: names, shards: done.flatMap(\.artifacts)), label: label, weight: 0,
        isReduction: true)
    else { return nil }
    return Dictionary(uniqueKeysWithValues: zip(names, sums.artifacts))
  }

  /// How each prunable group narrows, by group id.
  func orders(
    _ grams: CalibrationGrams, _ inquiry: inout Inquiry
  ) throws -> [Int: GroupOrder.Summary]? {
    var result: [Int: GroupOrder.Summary] = [:]
    let groups = model.groups.filter(\.isPrunable)
    for group in groups {
      let consumers = Set(
        layers.filter { group.consumers.contains($0.node) }.map(\.name))
      func own(_ grams: [String: Digest]) -> [String: Digest] {
        grams.filter { consumers.contains($0.key) }
      }
      let outcome = try inquiry.outcome(
        of: GroupOrder(
          model: model.digest, group: group.id, criterion: recipe.criterion,
          grams: own(grams.all),
          trials: zip(split.judges, grams.others).map {
            RemovalTrial(shards: Array(calibration.shards[$0]), grams: own($1))
          }, microBatch: recipe.microBatch),
        label: group.name, weight: orderWork)
      result[group.id] = outcome?.summary
    }
    return result.count == groups.count ? result : nil
  }

  /// What the allocator needs, once for all devices.
  func tables(
    _ orders: [Int: GroupOrder.Summary], _ scores: ImportanceScores, _ inquiry: inout Inquiry
  ) throws -> Digest? {
    let importance = Dictionary(
      zip(scores.taps, scores.importance) + scores.faults.map { ($0.tap, $0.importance) },
      uniquingKeysWith: { a, _ in a })
    let utilities = try model.groups.map { group -> Utility in
      guard group.isPrunable, let order = orders[group.id] else { return .linear(importance: 0) }
      switch recipe.utility {
      case .error:
        let losses = order.relativeError.map { pow(order.sensitivity * $0, recipe.errorPower) }
        return .error(table: Dictionary(uniqueKeysWithValues: zip(0..., losses)), weight: 1)
      case .log: return .log(importance: try self.importance(of: group, importance))
      case .linear: return .linear(importance: try self.importance(of: group, importance))
      }
    }
    return try inquiry.outcome(
      of: AllocationTables(
        groups: model.groups.map { group in
          var variable = GroupVariable(group, in: model.network)
          variable.minimum = orders[group.id]?.minimumWidth
          return variable
        },
        utilities: utilities,
        costs: [
          BudgetResource.macs.rawValue: model.costs.macs,
          BudgetResource.parameters.rawValue: model.costs.parameters,
          BudgetResource.modelBytes.rawValue: model.costs.modelBytes,
        ],
        layers: model.network.layers(groups: model.groups),
        activationSteps: model.network.activationSteps(groups: model.groups)),
      label: "tables", weight: 0, isReduction: true)?.artifacts.first
  }

  func importance(of group: ChannelGroup, _ byTap: [String: Double]) throws -> Double {
    guard let tap = model.network.tap(of: group),
      let importance = byTap[model.network[tap].name]
    else {
      throw PipelineError(
        .invalidInput,
        """
        group "\(group.name)" has no tap of kind '\(recipe.taps.rawValue)'; \
        utility '\(recipe.utility.rawValue)' needs --taps groups
        """)
    }
    return importance
  }

  /// What a model does on the whole evaluation set.
  func evaluation(
    of digest: Digest, label: String = "dense", share: Double = 1, _ inquiry: inout Inquiry
  ) throws -> Measurement {
    guard let data = definition.evaluation, recipe.evaluates, !recipe.plansOnly else {
      return .notAsked
    }
    var total = Evaluation()
    var result = Measurement.notAsked
    for shard in data.shards.indices {
      var attempt = try denseEvaluation(shard, of: data, &inquiry)
      // Others are compared with what it gave.
      if digest != model.digest, case .success(let dense) = attempt {
        attempt = try inquiry.attempt(
          ShardEvaluation(
            model: digest,
            dense: dense.artifacts.first.map { .artifact($0) } ?? .model(model.digest),
            shard: data.shards[shard], metric: recipe.metric, microBatch: recipe.microBatch),
          label: "\(label), shard \(shard)",
          weight: Double(data.images(inShard: shard)) * forward * share)
      }
      switch attempt {
      case .success(let outcome): total = total + outcome.summary
      case .failure(let reason): result = .failed(reason)
      case nil: if case .failed = result {} else { result = .pending }
      }
    }
    return result == .notAsked ? .counted(total) : result
  }

  private func denseEvaluation(
    _ shard: Int, of data: DatasetReference, _ inquiry: inout Inquiry
  ) throws -> Attempt<Evaluation>? {
    try inquiry.attempt(
      ShardEvaluation(
        model: model.digest, dense: nil, shard: data.shards[shard], metric: recipe.metric,
        microBatch: recipe.microBatch),
      label: "dense, shard \(shard)", weight: Double(data.images(inShard: shard)) * forward)
  }
}

extension Sequence {
  /// The elements, if none is missing.
  func whole<Element>() -> [Element]? where Self.Element == Element? {
    var result: [Element] = []
    for element in self {
      guard let element else { return nil }
      result.append(element)
    }
    return result
  }
}

extension Collection {
  /// The first elements that have an amount together, or all.
  func prefix(holding amount: Int, by count: (Element) -> Int) -> SubSequence {
    var held = 0
    return prefix { element in
      defer { held += count(element) }
      return held < amount
    }
  }
}

extension TapFault {
  /// What a tap without a score is taken for: features that do not vary tell nothing, and where
  /// nothing is known the mean is.
  fileprivate var importance: Double { kind == .undefined ? 1 : 0 }
}
