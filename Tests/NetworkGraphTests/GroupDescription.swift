import NetworkGraph

extension ChannelGroup {
  /// "8: stem+outer → inner", with the reason where it is protected.
  func summary(in network: Network) -> String {
    func names(_ nodes: [Int]) -> String {
      nodes.isEmpty ? "nothing" : nodes.map { network.nodes[$0].name }.joined(separator: "+")
    }
    let reason = protection.map { " (\($0))" } ?? ""
    return "\(width): \(names(producers)) → \(names(consumers))\(reason)"
  }
}

/// A group as it is the same in every export of a network: names and other nodes left out.
struct GroupStructure: Hashable {
  let width: Int
  /// Counted among convolutions and fully connected layers alone.
  let producers: [Int]
  let consumers: [Int]
  let isPrunable: Bool

  init(_ width: Int, _ producers: [Int], _ consumers: [Int], isPrunable: Bool = true) {
    self.width = width
    self.producers = producers
    self.consumers = consumers
    self.isPrunable = isPrunable
  }

  static func all(of network: Network) -> [GroupStructure] {
    let layers = network.nodes.indices.filter { network.macs(of: network.nodes[$0]) > 0 }
    let ordinals = Dictionary(uniqueKeysWithValues: zip(layers, 0...))
    return network.channelGroups().map { group in
      GroupStructure(
        group.width, group.producers.compactMap { ordinals[$0] },
        group.consumers.compactMap { ordinals[$0] }, isPrunable: group.isPrunable)
    }
  }
}

extension Network {
  /// The value of that name.
  func value(_ name: String) -> ValueID? {
    values.firstIndex { $0.name == name }.map { ValueID($0) }
  }

  /// Axes of constants that count channels: each of their indices belongs to one group.
  ///
  /// Spatial axes, and the channels inside a group of a convolution that loses whole groups, are no
  /// such axes.
  func channelAxesOfConstants() -> [AxisID] {
    nodes.flatMap { node -> [AxisID] in
      let constants = node.inputs.compactMap(\.self).filter { self[$0].constant != nil }
      switch node.operation {
      case .convolution(let convolution):
        let isWhole =
          convolution.groups > 1 && convolution.groups >= width(convolution.groups, node)
        return constants.map { AxisID($0, 0) } + (isWhole ? [] : [AxisID(constants[0], 1)])
      case .transposedConvolution(let convolution):
        let isWhole =
          convolution.groups > 1 && convolution.groups >= width(convolution.groups, node)
        return constants.map { AxisID($0, 0) } + (isWhole ? [] : [AxisID(constants[0], 1)])
      case .gemm: return constants.map { AxisID($0, 0) } + [AxisID(constants[0], 1)]
      case .matrixProduct: return constants.flatMap { [AxisID($0, 0), AxisID($0, 1)] }
      case .batchNormalization, .normalization: return constants.map { AxisID($0, 0) }
      case .elementwise, .parametricRelu, .expand:
        return constants.flatMap { constant in
          self[constant].shape.dimensions.indices.filter { self[constant].shape[$0] != .fixed(1) }
            .map { AxisID(constant, $0) }
        }
      default: return []
      }
    }
  }

  /// The channels in one of a layer's groups.
  private func width(_ groups: Int, _ node: Node) -> Int {
    (node.inputs[0].flatMap { self[$0].shape[1].extent } ?? 0) / groups
  }
}
