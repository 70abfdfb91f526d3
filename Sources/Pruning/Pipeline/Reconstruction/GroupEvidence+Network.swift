import NetworkGraph
import Recovery
import Surgery
import Tensors

extension Network {
  /// What a criterion may know of a group.
  ///
  /// - Parameter grams: Input Grams by layer name, of the layers that are to be fitted.
  func evidence(of group: ChannelGroup, grams: [String: InputGram]) throws -> GroupEvidence {
    let layers = consumerLayers([group]).filter { grams[$0.name] != nil }
    return GroupEvidence(
      units: group.width, producers: producers(of: group), scales: scales(of: group),
      consumers: try layers.map {
        try consumer($0, unitColumns: $0.columns(of: group), grams: grams)
      })
  }

  /// As many units of every group, others where that lowers the error of its consumers.
  func exchanging(
    _ selection: ChannelSelection, groups: [ChannelGroup], grams: [String: InputGram]
  ) throws -> ChannelSelection {
    var better = selection
    for group in groups {
      let kept = selection.units(of: group)
      let consumers = try evidence(of: group, grams: grams).consumers
      guard !kept.isEmpty, kept.count < group.width, !consumers.isEmpty else { continue }
      better.kept[group.id] =
        try GroupReconstruction(consumers: consumers).exchanging(kept).kept
    }
    return better
  }

  private func producers(of group: ChannelGroup) -> [GroupEvidence.Producer] {
    let readers = consumers()
    return weightAxes(writing: group).compactMap { axis in
      guard let member = group.member(on: axis), let weight = constant(axis.value),
        let node = group.producers.first(where: { nodes[$0].inputs.contains(axis.value) })
      else { return nil }
      let slices = weight.slices(along: axis.axis)
      let filters = member.indices.map { $0.flatMap { slices[$0] } }
      var folded = filters
      if let factors = factors(behind: nodes[node], readers) {
        folded = member.indices.map { indices in
          indices.flatMap { index in slices[index].map { $0 * factors[index] } }
        }
      }
      return GroupEvidence.Producer(
        name: nodes[node].name, filters: filters, foldedFilters: folded)
    }
  }

  /// γ / √(variance + ε) by channel, of the BatchNorm that alone reads a node.
  private func factors(behind node: Node, _ consumers: [[Int]]) -> [Double]? {
    guard let reader = onlyReader(of: node.output, consumers: consumers),
      let constants = BatchNormalizationConstants(of: nodes[reader], in: self)
    else { return nil }
    return zip(constants.scale, constants.variance).map { scale, variance in
      Double(scale) / (Double(variance) + Double(constants.epsilon)).squareRoot()
    }
  }

  /// By BatchNorm over a group's channels, and unit: |γ|, the root of the sum of squares where a
  /// unit owns several.
  private func scales(of group: ChannelGroup) -> [[Double]] {
    nodes.compactMap { node in
      guard case .batchNormalization = node.operation, let id = node.inputs[1],
        let scale = constant(id), let member = group.member(on: AxisID(id, 0))
      else { return nil }
      return member.indices.map { indices in
        indices.reduce(0) { $0 + Double(scale.elements[$1]) * Double(scale.elements[$1]) }
          .squareRoot()
      }
    }
  }
}

extension Tensor {
  /// By index of an axis: the elements there.
  fileprivate func slices(along axis: Int) -> [[Double]] {
    let inner = shape[(axis + 1)...].reduce(1, *)
    var result = [[Double]](repeating: [], count: shape[axis])
    for start in stride(from: 0, to: elements.count, by: max(inner, 1)) {
      result[start / inner % shape[axis]] += elements[start..<start + inner].map(Double.init)
    }
    return result
  }
}
