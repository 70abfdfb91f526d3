import Devices
import NetworkGraph
import Quantities

extension AllocationProblem {
  /// The widths to be chosen for a device: its budgets, in numbers, on its grid.
  ///
  /// - Parameters:
  ///   - utilities: In the order of `groups`.
  ///   - costs: One polynomial for each resource the device limits; a share is of its value at
  ///     the dense widths. Weight bytes follow from `parameters` and the device's bits.
  ///   - layers: The network's layers, for budgets of latency and energy.
  ///   - activationSteps: For a budget of activation bytes.
  ///   - table: The times of the device's layers.
  /// - Throws: ``AllocationError`` where a cost is missing, or a rule of the device names no group.
  public init(
    device: DeviceProfile, groups: [GroupVariable], utilities: [Utility],
    costs: [BudgetResource: CostPolynomial], layers: [NetworkLayer] = [],
    activationSteps: [CostPolynomial] = [], table: LatencyTable? = nil
  ) throws {
    let dense = groups.map(\.width)
    self.init(
      groups: try device.apply(to: groups), utilities: utilities, costs: [:], limits: [],
      channelMultiple: device.channelMultiple, minimumKeepRatio: device.minimumKeepRatio)
    for budget in device.budgets {
      let name = budget.resource.rawValue
      var limit = ResourceLimit(resource: name, limit: 0)
      switch budget.resource {
      case .weightBytes:
        let cost = WeightBytes(bits: device.weightBits)
        limit.divisor = cost.divisor
        self.costs[name] = costs[.parameters].map { cost.polynomial(parameters: $0) }
      case .activationBytes: self.steps[name] = activationSteps.isEmpty ? nil : activationSteps
      case .latency, .energy:
        let times = LayerTimes(table: table, roofline: device.roofline, resource: budget.resource)
        do {
          let known = try times.costs(of: layers, widths: dense)
          self.layers[name] = known.layers.isEmpty ? nil : known.layers
          self.costs[name] = CostPolynomial(constant: known.constant)
        } catch let error as AllocationError {
          throw AllocationError(error.code, "\(device.name): \(error.message)")
        }
      case .macs, .parameters, .modelBytes: self.costs[name] = costs[budget.resource]
      }
      guard self.costs[name] != nil || self.steps[name] != nil else {
        throw AllocationError(
          .invalidProblem,
          "\(device.name) has a budget of \(budget), but no cost of \(budget.resource.name) is known"
        )
      }
      limit.limit = budget.limit(dense: limit.amount(of: cost(of: name, widths: dense)))
      if budget.resource.isTabulated {
        limit.limit = Int64(Double(limit.limit) / (1 + device.latencyMargin))
      }
      limits.append(limit)
    }
    try requireWidths(device)
  }

  /// Where a device's rules leave a group no width, the rule is named with its line.
  private func requireWidths(_ device: DeviceProfile) throws {
    // Without rules, validation does: thousands of devices need not be looked at twice.
    guard !device.widthRules.isEmpty, let group = groupWithoutWidth else { return }
    let line = device.widthRules.last { $0.matches(group.name) }?.line
    throw AllocationError(
      .invalidProblem, "\(device.name): \(line.map { "line \($0): " } ?? "")\(noWidth(group))")
  }
}

/// The bytes of the parameters at some bits each, in whole numbers.
private struct WeightBytes {
  /// Cost per parameter, and how many units of it make a byte.
  let factor: Int64
  let divisor: Int64?

  init(bits: Int) {
    let common: Int64 = bits % 8 == 0 ? 8 : bits % 4 == 0 ? 4 : bits % 2 == 0 ? 2 : 1
    factor = Int64(bits) / common
    divisor = common == 8 ? nil : 8 / common
  }

  func polynomial(parameters: CostPolynomial) -> CostPolynomial {
    CostPolynomial(
      constant: parameters.constant * factor, linear: parameters.linear.mapValues { $0 * factor },
      products: parameters.products.mapValues { $0 * factor })
  }
}

extension DeviceProfile {
  /// The groups with what this device asks of their widths.
  fileprivate func apply(to groups: [GroupVariable]) throws -> [GroupVariable] {
    var result = groups
    for rule in widthRules {
      let matching = result.indices.filter { rule.matches(result[$0].name) }
      guard !matching.isEmpty else {
        let place = rule.line.map { "line \($0): " } ?? ""
        throw AllocationError(
          .invalidProblem,
          "\(name): \(place)'\(rule.group)' is the name of no group; `espalier inspect` lists them")
      }
      for index in matching {
        result[index].isProtected = result[index].isProtected || rule.stays
        if let minimum = rule.minimum { result[index].minimum = minimum }
        if let maximum = rule.maximum { result[index].maximum = maximum }
      }
    }
    if !operatorMultiples.isEmpty {
      for index in result.indices {
        result[index].multiple = multiple(of: result[index].operators)
      }
    }
    return result
  }
}
