import NetworkGraph
import Tensors

extension Network {
  /// The network without the channels that `selection` leaves out.
  ///
  /// Weights are sliced along every axis their groups touch and attributes that count channels are
  /// rewritten; nothing is approximated: the result computes what ``masked(_:groups:)`` computes.
  ///
  /// - Parameter groups: All groups of this network, from `channelGroups()`.
  /// - Throws: ``SurgeryError``; `NetworkError` if a rule of an operator were wrong.
  public func pruned(_ selection: ChannelSelection, groups: [ChannelGroup]) throws -> Network {
    try selection.validate(groups)
    let kept = keptIndices(selection, groups: groups)
    var result = self
    for (axis, indices) in kept {
      guard let constant = result[axis.value].constant else { continue }
      let sliced = constant.gathering(indices, axis: axis.axis)
      result[axis.value].constant = sliced
      result[axis.value].shape = Shape(sliced.shape)
    }
    for index in nodes.indices {
      result.nodes[index].operation = nodes[index].operation.pruned(
        nodes[index], in: self, keeping: { kept[$0] })
    }
    try result.inferShapes()
    return result
  }

  /// The network at full width with the channels that `selection` leaves out silenced.
  ///
  /// The weights that write them become zero, with bias, scale and shift, and so do the weights
  /// that read them. What counts channels without weights leaves them out: statistics over
  /// channels, and products of two activations, where a silenced channel need not be zero (the
  /// sigmoid of zero is one half). This is the slow, obvious meaning of pruning, against which
  /// surgery is checked.
  public func masked(_ selection: ChannelSelection, groups: [ChannelGroup]) throws -> Network {
    try selection.validate(groups)
    let kept = keptIndices(selection, groups: groups)
    let silenced = Set(nodes.flatMap(\.silencedInputs))
    var result = self
    for (axis, indices) in kept where silenced.contains(axis.value) {
      guard let constant = result[axis.value].constant else { continue }
      result[axis.value].constant = constant.silencing(
        Set(0..<constant.shape[axis.axis]).subtracting(indices), axis: axis.axis)
    }
    for index in nodes.indices {
      result.nodes[index].operation = nodes[index].operation.masked(
        nodes[index], in: self, keeping: { kept[$0] })
    }
    result.nodes = try nodes.indices.flatMap { index in
      try result.gatheringFactors(of: result.nodes[index], keeping: kept)
    }
    return result
  }

  /// A product of two activations behind gathers of what is kept along the axis they share; any
  /// other node alone.
  private mutating func gatheringFactors(
    of node: Node, keeping kept: [AxisID: [Int]]
  ) throws -> [Node] {
    guard case .matrixProduct = node.operation, let a = node.inputs[0], let b = node.inputs[1],
      constant(a) == nil, constant(b) == nil
    else { return [node] }
    let axes = [self[a].shape.rank - 1, max(self[b].shape.rank - 2, 0)]
    var product = node
    var result: [Node] = []
    for (place, (value, axis)) in zip([a, b], axes).enumerated() {
      guard let indices = kept[AxisID(value, axis)] else { continue }
      let gather = Operator.gather(Gather(axis: axis, indices: indices))
      let name = "\(node.name)/kept\(place)"
      let shape = try gather.outputShape(of: [self[value].shape], node: name)
      let output = addActivation(name, shape: shape, type: self[value].elementType)
      result.append(Node(name: name, operation: gather, inputs: [value], output: output))
      product.inputs[place] = output
    }
    return result + [product]
  }

  /// By axis that loses channels: the indices that stay, sorted.
  public func keptIndices(
    _ selection: ChannelSelection, groups: [ChannelGroup]
  ) -> [AxisID: [Int]] {
    var removed: [AxisID: Set<Int>] = [:]
    for group in groups {
      let units = selection.units(of: group)
      guard units.count < group.width else { continue }
      let lost = Set(0..<group.width).subtracting(units)
      for member in group.members {
        for unit in lost { removed[member.axis, default: []].formUnion(member.indices[unit]) }
      }
    }
    return removed.reduce(into: [:]) { kept, entry in
      let extent = self[entry.key.value].shape[entry.key.axis].extent ?? 0
      kept[entry.key] = (0..<extent).filter { !entry.value.contains($0) }
    }
  }
}

extension Node {
  /// The constants that, once zero, make the node write or read nothing.
  fileprivate var silencedInputs: [ValueID] {
    switch operation {
    case .convolution, .transposedConvolution, .gemm, .normalization:
      inputs.dropFirst().compactMap(\.self)
    case .matrixProduct: inputs.compactMap(\.self)
    case .batchNormalization: inputs[1...2].compactMap(\.self)
    default: []
    }
  }
}

extension Tensor {
  /// The tensor with zeros at some indices of an axis.
  fileprivate func silencing(_ indices: Set<Int>, axis: Int) -> Tensor {
    var result = self
    let inner = shape[(axis + 1)...].reduce(1, *)
    for position in result.elements.indices
    where indices.contains(position / inner % shape[axis]) {
      result.elements[position] = 0
    }
    return result
  }
}
