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
    let axes = AxisWidths(self, groups: groups)
    var model = CostModel()
    let statistics = runningStatistics()
    for index in values.indices where values[index].constant != nil {
      let (factor, a, b) = axes.factors(elements(of: ValueID(index)))
      model.modelBytes.add(4 * factor, a, b)
      if !statistics.contains(ValueID(index)) { model.parameters.add(factor, a, b) }
    }
    for node in nodes {
      guard let product = node.operation.rules.macs(node, in: self) else { continue }
      let (factor, a, b) = axes.factors(product)
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
