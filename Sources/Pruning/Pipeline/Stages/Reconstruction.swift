import Digests
import Foundation
import NetworkGraph
import Recovery
import Surgery
import Tensors

/// What a removal is tried on: samples, and what its layers are fitted to.
struct RemovalTrial: Codable, Sendable, Hashable {
  var shards: [Digest]
  /// Summed Grams by layer name, of other shards, where there are any.
  var grams: [String: Digest]
}

/// How one group narrows: which units go first, what is lost at every width, and how much the
/// network minds.
struct GroupOrder: JobComputation {
  static let stage = Stage.reconstruction
  static let kind = "group-order-9"

  /// What a group's job finds.
  struct Summary: Codable, Sendable {
    /// Units in the order they are removed.
    var removalOrder: [Int]
    /// By width 0…W: squared error of the consumers' outputs, relative to their power.
    var relativeError: [Double]
    /// Relative squared change of the outputs over relative error, when this group alone is pruned.
    var sensitivity: Double
    /// The least width that the criterion thinks worth considering.
    var minimumWidth: Int?
  }

  /// The share of a group's units that stays when it alone is pruned: a half and a quarter, each by
  /// itself or both, do no better.
  private static let triedShare = 0.375
  /// A relative error of no more than this is rounding.
  private static let roundingError = 1e-9

  var model: Digest
  var group: Int
  /// Which units go first: the name of a ``ChannelCriterion``.
  var criterion: String
  /// Summed Grams of the group's consumers, by layer name.
  var grams: [String: Digest]
  /// What the sensitivity is measured on.
  var trials: [RemovalTrial]
  var microBatch: Int

  func compute(on bench: Workbench) async throws -> Outcome<Summary> {
    let model = try await bench.model(model)
    let group = model.groups[group]
    let grams = try await bench.grams(self.grams)
    guard let criterion = ChannelCriteria.named(criterion) else {
      throw PipelineError(.unknownJob, "this worker has no criterion '\(self.criterion)'")
    }
    let (database, minimumWidth) = try await bench.compute {
      let evidence = try model.network.evidence(of: group, grams: grams)
      return (try evidence.database(by: criterion), criterion.minimumWidth(of: evidence))
    }
    let live = database.relativeError.prefix { $0 > Self.roundingError }.count
    func share(of units: Int) -> Int { max(Int(Self.triedShare * Double(units)), 1) }
    // Where only units go that never vary, nothing is to be seen: then of those that do.
    let width = share(of: share(of: group.width) < live ? group.width : live)
    let error = database.relativeError[width]
    var sensitivity = 0.0
    if error > Self.roundingError {
      let change = try await bench.outputChange(
        model, selection: ChannelSelection(kept: [group.id: database.keptUnits(width: width)]),
        on: trials, microBatch: microBatch)
      sensitivity = change / error
    }
    return Outcome(
      Summary(
        removalOrder: database.removalOrder, relativeError: database.relativeError,
        sensitivity: sensitivity, minimumWidth: minimumWidth))
  }
}
