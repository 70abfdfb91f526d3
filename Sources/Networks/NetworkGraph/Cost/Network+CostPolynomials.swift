/// A network's costs as functions of the widths of its channel groups.
public struct CostModel: Sendable, Hashable, Codable {
  public var macs = CostPolynomial()
  public var parameters = CostPolynomial()
  public var modelBytes = CostPolynomial()
}

extension Network {
  /// The exact costs of every choice of widths.
  ///
  /// - Parameter groups: All groups of this network, as ``channelGroups()`` gives them.
  public func costModel(groups: [ChannelGroup]) -> CostModel {
    var widths: [AxisID: AxisWidth] = [:]
    for group in groups where group.isPrunable {
      for member in group.members {
        let extent = Int64(self[member.axis.value].shape[member.axis.axis].extent ?? 0)
        let count = Int64(member.multiplicity)
        // What no group can take away is fixed.
        widths[member.axis, default: AxisWidth(fixed: extent)].fixed -= count * Int64(group.width)
        widths[member.axis]?.units.append((group.id, count))
      }
    }
    /// A product of extents as a factor and two widths.
    func factors(_ product: AxisProduct) -> (Int64, AxisWidth, AxisWidth) {
      var factor = product.factor
      var variable: [AxisWidth] = []
      for axis in product.axes {
        if let width = widths[axis] {
          variable.append(width)
        } else {
          factor *= Int64(self[axis.value].shape[axis.axis].perImage)
        }
      }
      let one = AxisWidth(fixed: 1)
      return (factor, variable.first ?? one, variable.count > 1 ? variable[1] : one)
    }

    var model = CostModel()
    let statistics = runningStatistics()
    for index in values.indices where values[index].constant != nil {
      let (factor, a, b) = factors(elements(of: ValueID(index)))
      model.modelBytes.add(4 * factor, a, b)
      if !statistics.contains(ValueID(index)) { model.parameters.add(factor, a, b) }
    }
    for node in nodes {
      guard let product = node.operation.rules.macs(node, in: self) else { continue }
      let (factor, a, b) = factors(product)
      model.macs.add(factor, a, b)
    }
    return model
  }

  /// The products of extents that costs are made of: elements of constants, and MACs of nodes.
  func costProducts() -> [AxisProduct] {
    let constants = values.indices.filter { values[$0].constant != nil }
    return constants.map { elements(of: ValueID($0)) }
      + nodes.compactMap { $0.operation.rules.macs($0, in: self) }
  }

  private func elements(of value: ValueID) -> AxisProduct {
    AxisProduct(factor: 1, axes: (0..<self[value].shape.rank).map { AxisID(value, $0) })
  }
}
