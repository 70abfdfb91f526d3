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
    for group in groups {
      for member in group.members {
        let count = Int64(member.multiplicity)
        widths[member.axis, default: AxisWidth(fixed: 0)].units.append((group.id, count))
      }
    }
    /// The product of all axes of a constant, as two widths and a factor.
    func factors(_ id: ValueID) -> (Int64, AxisWidth, AxisWidth) {
      var factor: Int64 = 1
      var variable: [AxisWidth] = []
      for (axis, dimension) in self[id].shape.dimensions.enumerated() {
        if let width = widths[AxisID(id, axis)] {
          variable.append(width)
        } else {
          factor *= Int64(dimension.extent ?? 1)
        }
      }
      precondition(variable.count <= 2, "\(self[id].name) has more than two axes of channels")
      let one = AxisWidth(fixed: 1)
      return (factor, variable.first ?? one, variable.count > 1 ? variable[1] : one)
    }

    var model = CostModel()
    let statistics = runningStatistics()
    for index in values.indices where values[index].constant != nil {
      let (factor, a, b) = factors(ValueID(index))
      model.modelBytes.add(4 * factor, a, b)
      if !statistics.contains(ValueID(index)) { model.parameters.add(factor, a, b) }
    }
    for node in nodes {
      let macs = self.macs(of: node)
      guard macs > 0, let weight = node.inputs[1] else { continue }
      // MACs are the weight's elements times the positions it is applied at.
      let positions = macs / Int64(self[weight].shape.elementsPerImage)
      let (factor, a, b) = factors(weight)
      model.macs.add(positions * factor, a, b)
    }
    return model
  }
}
