import Allocation
import Devices
import NetworkGraph
import Quantities

/// How much there is to do, in multiply–accumulates, about: weights of jobs, which the time left is
/// told from.
extension Pipeline {
  /// Multiply–accumulates of a forward pass of one image.
  var forward: Double { Double(model.cost.macs.count) }

  /// Of one group's order: two networks that lack some of it.
  var orderWork: Double { 2 * Double(recipe.sensitivityImages) * forward }

  /// Of one plan's surgery. Measured: fits in pairs take as long on an image as five evaluations of
  /// the dense network, and one round of a fit of all layers as long as one.
  var surgeryWork: Double {
    let passes =
      switch recipe.reconstruction {
      case .single: 1
      case .sequential, .rectified: 3
      case .paired: 5
      case .joint: 5 + recipe.jointRounds
      }
    return Double(passes * calibration.count) * forward
  }

  /// What the sweep will take, by stage, also of stages whose jobs are not known yet. Of devices that
  /// get nothing nothing is foreseen.
  public func foreseenWork(_ walk: Walk) -> [Stage: Double] {
    guard !recipe.scoresOnly else { return [:] }
    var work: [Stage: Double] = [
      .reconstruction: Double(model.groups.count(where: \.isPrunable)) * orderWork
    ]
    guard !recipe.plansOnly else { return work }
    let evaluated = recipe.evaluates ? definition.evaluation?.count ?? 0 : 0
    // As it was cut, as it was fitted, and after a user's command.
    let versions = recipe.recoverWith == nil ? 2.0 : 3
    work[.evaluation] = Double(evaluated) * forward
    var known: Set<[Int]> = []
    for (place, device) in definition.devices.enumerated() {
      var macs = [Double](repeating: expectedMACs(device), count: recipe.candidates)
      if let answer = walk.allocations[place] {
        // Equal plans are one.
        macs = answer.plans.filter { known.insert($0).inserted }
          .map { Double(model.costs.macs.value(widths: $0)) }
      }
      work[.surgery, default: 0] += Double(macs.count) * surgeryWork
      work[.evaluation, default: 0] += versions * Double(evaluated) * (macs.first ?? 0)
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

extension Walk.DeviceAnswer {
  /// Widths of all plans.
  fileprivate var plans: [[Int]] {
    guard case .outcomes(let outcomes, _) = self else { return [] }
    return outcomes.compactMap { if case .plan(let plan) = $0 { plan.widths } else { nil } }
  }
}
