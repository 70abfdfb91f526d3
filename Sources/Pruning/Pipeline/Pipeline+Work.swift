import Allocation
import Devices
import Importance
import NetworkGraph
import Quantities
import Recovery

/// How much there is to do, in multiply–accumulates, about: weights of jobs, which the time left is
/// told from.
extension Pipeline {
  /// Multiply–accumulates of a forward pass of one image.
  var forward: Double { Double(model.cost.macs.count) }

  /// Of one group's order: a network that lacks some of it.
  var orderWork: Double { Double(recipe.sensitivityImages) * forward }

  /// Of one plan's surgery.
  var surgeryWork: Double {
    let images = (recipe.mirrors ? 2 : 1) * calibration.count
    return PlanSurgery.passes(recipe.reconstruction.byLayer, images: images) * forward
  }

  /// Of steps that train all layers of a variant together.
  func trainingWork(steps: Int) -> Double {
    Double(steps) * JointReconstruction.passesOfStep * forward
  }

  /// Of a shard's input Grams.
  func gramWork(shard: Int) -> Double {
    let products = layers.reduce(0.0) {
      $0 + Double(
        $1.geometry.columns * $1.geometry.columns * min(positionsPerImage, $1.geometry.positions))
        / 2
    }
    return Double(calibration.images(inShard: shard)) * (forward + products)
  }

  /// Of measuring the kernels.
  var kernelWork: Double { Double(Self.centredImages) * forward }

  /// Of a pair of tiles whose images have so many features at all taps.
  func pairWork(_ pair: TilePair, features: Double) -> Double {
    let first = Double(calibration.images(inShard: pair.first))
    let second = Double(calibration.images(inShard: pair.second))
    return pair.isDiagonal
      ? first * (first * features / 2 + forward) : first * second * features
  }

  var tilePairs: [TilePair] {
    TileLayout(samples: calibration.count, tileSize: calibration.shardSize)
      .pairs(for: recipe.estimator)
  }

  /// Features of an image at all taps.
  func featuresPerImage() throws -> Double {
    try model.values(named: taps).reduce(0.0) {
      $0 + Double(model.network[$1].shape.elementsPerImage)
    }
  }

  /// What the sweep will take, by stage, also by jobs that are not known yet. Of devices that get
  /// nothing nothing is foreseen, and sums, allocation, users' commands and latencies count nothing.
  public func foreseenWork(_ walk: Walk) throws -> [Stage: Double] {
    let features = try featuresPerImage()
    var work: [Stage: Double] = [
      .scores: tilePairs.reduce(kernelWork) { $0 + pairWork($1, features: features) }
    ]
    guard !recipe.scoresOnly else { return work }
    work[.statistics] = calibration.shards.indices.reduce(0) { $0 + gramWork(shard: $1) }
    work[.reconstruction] = Double(model.groups.count(where: \.isPrunable)) * orderWork
    guard !recipe.plansOnly else { return work }
    let evaluated = recipe.evaluates ? Double(definition.evaluation?.count ?? 0) : 0
    // As it was cut, as it was fitted, and after a user's command.
    let versions = recipe.recoverWith == nil ? 2.0 : 3
    work[.evaluation] = evaluated * forward
    var known: Set<[Int]> = []
    for (place, device) in definition.devices.enumerated() {
      var macs = [Double](repeating: expectedMACs(device), count: recipe.candidates)
      var trained = recipe.candidates
      if let answer = walk.allocations[place] {
        // Equal plans are one.
        let plans = answer.plans.filter { known.insert($0).inserted }
        macs = plans.map { Double(model.costs.macs.value(widths: $0)) }
        let closed = walk.closedPlans(of: place)
        trained = plans.count { !closed.contains($0) }
      }
      work[.surgery, default: 0] += Double(macs.count) * surgeryWork
      if recipe.reconstruction == .joint {
        work[.surgery, default: 0] += Double(trained) * trainingWork(steps: recipe.jointSteps)
      }
      work[.evaluation, default: 0] += versions * evaluated * (macs.first ?? 0)
    }
    return work
  }

  /// Half of the network where the budgets do not say.
  private func expectedMACs(_ device: DeviceProfile) -> Double {
    let limits = device.budgets.filter { $0.resource == .macs }
      .map { Double($0.limit(dense: model.cost.macs.count)) }
    return min(limits.min() ?? forward / 2, forward)
  }
}

extension Walk {
  /// Widths of a device's plans that are known to leave nothing to training.
  fileprivate func closedPlans(of place: Int) -> [[Int]] {
    guard case .finished(let report) = variants[place] else { return [] }
    return report.candidates.filter { $0.outputError.map(PlanSurgery.isClosed) ?? false }
      .map(\.plan.widths)
  }
}

extension Walk.DeviceAnswer {
  /// Widths of all plans.
  fileprivate var plans: [[Int]] {
    guard case .outcomes(let outcomes, _) = self else { return [] }
    return outcomes.compactMap { if case .plan(let plan) = $0 { plan.widths } else { nil } }
  }
}
