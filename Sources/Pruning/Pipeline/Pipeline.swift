import Allocation
import Datasets
import Devices
import Digests
import Foundation
import Importance
import NetworkGraph
import Quantities
import Recovery
import Surgery

/// The whole story of a sweep: what is computed from what.
///
/// ``advance(_:from:)`` walks the stages from the beginning, as if nothing cost anything. Where a
/// result is known it goes on; where one is missing it notes the job and leaves what depends on it.
/// Called again with more results it gets further, until a report comes out. A ``Walk`` remembers
/// how far it came, to save time and nothing else, so a coordinator that dies loses nothing: the
/// results in the database are all there is to know.
public struct Pipeline: Sendable {
  /// What the results so far lead to.
  public enum Step: Sendable {
    /// Jobs still to be done; reductions among them are the coordinator's own.
    case needs([Job])
    case finished(SweepReport)
    /// A job that everything depends on was given up.
    case failed(JobFailureReason)
  }

  public let definition: SweepDefinition
  let model: PreparedModel
  /// Names of the values that nHSIC compares, in execution order.
  public let taps: [String]
  let layers: [ConsumerLayer]
  /// Places of devices that are allocated in one job.
  let batches: [[Int]]

  /// - Parameter latencyTables: Those at hand, by what devices call them: devices whose table is
  ///   not among them are checked without their budgets of latency and energy.
  /// - Throws: ``PipelineError`` with `invalidInput` where model, data and recipe do not fit.
  public init(
    _ definition: SweepDefinition, network: Network, latencyTables: [String: LatencyTable] = [:]
  ) throws {
    self.definition = definition
    model = PreparedModel(digest: definition.model.digest, network: network)
    try definition.check(model, latencyTables)
    let values = try network.taps(definition.recipe.taps, groups: model.groups)
    taps = values.map { network[$0].name }
    layers = network.consumerLayers(model.groups)
    // The rungs of a ladder are parts of each other.
    batches =
      definition.recipe.isLadder
      ? [Array(definition.devices.indices)] : try DeviceProfile.batches(definition.devices)
    if !definition.recipe.scoresOnly, definition.recipe.utility != .error {
      let known = Dictionary(uniqueKeysWithValues: taps.map { ($0, 1.0) })
      for group in model.groups where group.isPrunable { _ = try importance(of: group, known) }
    }
  }
}

extension Network {
  /// What the network reads, as a data set must hold it.
  public var dataInputs: [DataInput] {
    inputs.map { id in
      DataInput(name: self[id].name, shape: Array(self[id].shape.resolved(batch: 1).dropFirst()))
    }
  }
}

extension SweepDefinition {
  /// Checks that the data fit the network, before anything is computed.
  fileprivate func check(
    _ model: PreparedModel, _ latencyTables: [String: LatencyTable]
  ) throws {
    let network = model.network
    let expected = network.dataInputs
    for data in [calibration, evaluation].compactMap(\.self) where data.inputs != expected {
      func spoken(_ inputs: [DataInput]) -> String {
        inputs.map { "\"\($0.name)\" \($0.shape)" }.joined(separator: ", ")
      }
      throw PipelineError(
        .invalidInput,
        """
        \(data.name): samples hold \(spoken(data.inputs)), but \(self.model.name) takes \
        \(spoken(expected)); use data of the model's own shape
        """)
    }
    guard !recipe.scoresOnly else { return try checkEstimator() }
    guard !recipe.evaluates || recipe.metric == .agreement || network.classes != nil else {
      throw PipelineError(
        .invalidInput,
        "the first output of \(self.model.name) is not class scores; give --metric agreement")
    }
    try recipe.checkRecovery()
    guard recipe.jointSteps > 0 else {
      throw PipelineError(
        .invalidInput, "joint training of \(recipe.jointSteps) steps: give 1 or more")
    }
    guard ChannelCriteria.named(recipe.criterion) != nil else {
      throw PipelineError(
        .invalidInput,
        """
        there is no criterion '\(recipe.criterion)'; give one of \
        \(ChannelCriteria.all.map(\.name).joined(separator: ", "))
        """)
    }
    guard model.groups.contains(where: \.isPrunable) else {
      throw PipelineError(
        .invalidInput,
        "\(self.model.name) has no channel group that can be pruned; see `espalier inspect`")
    }
    try checkEstimator()
    try checkDevices(model, latencyTables)
  }

  /// Checks that there are as many images as the recipe's estimator and kernel are defined for.
  private func checkEstimator() throws {
    let tile = min(calibration.count, calibration.shardSize)
    let (images, place) =
      recipe.estimator == .minibatch ? (tile, "a tile") : (calibration.count, "the calibration set")
    guard images >= recipe.estimator.minimumSamples else {
      throw PipelineError(
        .invalidInput,
        """
        \(place) has \(images) images, and the estimator '\(recipe.estimator.rawValue)' needs \
        \(recipe.estimator.minimumSamples); use more images or another --estimator
        """)
    }
    guard recipe.kernel == .linear || tile > 1 else {
      throw PipelineError(
        .invalidInput,
        "the RBF kernel's bandwidth needs two images in a tile; use more images or --kernel linear")
    }
  }

  /// Checks that the network has what the devices' budgets and rules speak of.
  private func checkDevices(
    _ model: PreparedModel, _ latencyTables: [String: LatencyTable]
  ) throws {
    let costs = model.costs
    let batch = AllocationBatch(
      groups: model.groups.map { GroupVariable($0, in: model.network) },
      utilities: model.groups.map { _ in .linear(importance: 0) },
      costs: [.macs: costs.macs, .parameters: costs.parameters, .modelBytes: costs.modelBytes],
      layers: model.network.layers(groups: model.groups),
      activationSteps: model.network.activationSteps(groups: model.groups))
    for (name, table) in latencyTables { batch.add(table, named: name) }
    let devices = devices.map { device in
      guard let table = device.latencyTable, latencyTables[table] == nil else { return device }
      return device.with(budgets: device.budgets.filter { !$0.resource.isTabulated })
    }
    do {
      for device in devices { _ = try batch.problem(for: device) }
      if recipe.isLadder { _ = try batch.rungs(devices) }
    } catch let error as AllocationError {
      throw PipelineError(.unsuitableDevice, error.message)
    }
  }
}
