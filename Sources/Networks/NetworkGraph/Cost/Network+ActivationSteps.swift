extension Network {
  /// The bytes of activations that live at each step of the execution order, for one image in
  /// 32-bit floats, as functions of the widths; their greatest value is
  /// ``NetworkCost/peakActivationBytes``.
  ///
  /// Steps that never are the greatest, whatever the widths, are left out.
  ///
  /// - Parameter groups: All groups of this network.
  public func activationSteps(groups: [ChannelGroup]) -> [CostPolynomial] {
    let axes = AxisWidths(self, groups: groups)
    let steps = liveActivations().map { live in
      var cost = CostPolynomial()
      for value in live {
        let (factor, a, b) = axes.factors(
          AxisProduct(factor: 4, axes: (0..<self[value].shape.rank).map { AxisID(value, $0) }))
        cost.add(factor, a, b)
      }
      return cost
    }
    return steps.undominated(widths: groups.map(\.width))
  }

  /// The values that live before the first node and while each node runs: a value lives from its
  /// producer to its last reader.
  func liveActivations() -> [[ValueID]] {
    var lastUse: [ValueID: Int] = [:]
    for (index, node) in nodes.enumerated() {
      for case let input? in node.inputs { lastUse[input] = index }
    }
    for output in outputs { lastUse[output] = .max }
    var live = Set(inputs)
    var steps = [live.sorted()]
    for (index, node) in nodes.enumerated() {
      live.insert(node.output)
      steps.append(live.sorted())
      for case let input? in node.inputs
      where self[input].constant == nil && lastUse[input] == index { live.remove(input) }
      if lastUse[node.output] == nil { live.remove(node.output) }
    }
    return steps
  }
}

extension [CostPolynomial] {
  /// Those that are the greatest at some widths, as far as bounds term by term can tell; of equal
  /// ones the first.
  ///
  /// - Parameter widths: The greatest widths, by group; the least are 1.
  func undominated(widths: [Int]) -> [CostPolynomial] {
    var kept: [CostPolynomial] = []
    for step in self where !kept.contains(where: { $0.isNeverBelow(step, widths: widths) }) {
      kept.removeAll { step.isNeverBelow($0, widths: widths) }
      kept.append(step)
    }
    return kept
  }
}

extension CostPolynomial {
  /// Whether this cost is at least another at all widths from 1 to the greatest, by the least value
  /// of every term of the difference.
  fileprivate func isNeverBelow(_ other: CostPolynomial, widths: [Int]) -> Bool {
    var least = constant - other.constant
    for group in Set(linear.keys).union(other.linear.keys) {
      let factor = linear[group, default: 0] - other.linear[group, default: 0]
      least += min(factor, factor * Int64(widths[group]))
    }
    for pair in Set(products.keys).union(other.products.keys) {
      let factor = products[pair, default: 0] - other.products[pair, default: 0]
      least += min(factor, factor * Int64(widths[pair.first]) * Int64(widths[pair.second]))
    }
    return least >= 0
  }
}
