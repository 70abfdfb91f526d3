import Devices
import NetworkGraph

extension AllocationProblem {
  /// The widths to be chosen for a device: its budgets, in numbers, on its grid.
  ///
  /// - Parameters:
  ///   - utilities: In the order of `groups`.
  ///   - costs: One polynomial for each resource the device limits; a share is of its value at
  ///     the dense widths.
  public init(
    device: DeviceProfile, groups: [GroupVariable], utilities: [Utility],
    costs: [BudgetResource: CostPolynomial]
  ) throws {
    let dense = groups.map(\.width)
    var byName: [String: CostPolynomial] = [:]
    var limits: [ResourceLimit] = []
    for budget in device.budgets {
      guard let cost = costs[budget.resource] else {
        throw AllocationError(
          .invalidProblem,
          "\(device.name) has a budget of \(budget), but no cost of \(budget.resource.name) is known"
        )
      }
      byName[budget.resource.rawValue] = cost
      limits.append(
        ResourceLimit(
          resource: budget.resource.rawValue, limit: budget.limit(dense: cost.value(widths: dense)))
      )
    }
    self.init(
      groups: groups, utilities: utilities, costs: byName, limits: limits,
      channelMultiple: device.channelMultiple, minimumKeepRatio: device.minimumKeepRatio)
  }
}
