import NetworkGraph

/// How many channels a layer writes, before and after.
public struct LayerWidth: Sendable, Hashable, Codable {
  /// The layer's node.
  public var name: String
  public var dense: Int
  public var kept: Int
}

extension Network {
  /// The widths of the layers with weights, in the order of execution.
  ///
  /// - Parameter groups: All groups of this network, from `channelGroups()`.
  public func layerWidths(
    _ selection: ChannelSelection, groups: [ChannelGroup]
  ) -> [LayerWidth] {
    let kept = keptIndices(selection, groups: groups)
    return nodes.compactMap { node in
      let shape = self[node.output].shape
      let axis: Int
      switch node.operation {
      case .convolution, .transposedConvolution, .gemm: axis = 1
      case .matrixProduct where node.inputs.contains { $0.map { constant($0) != nil } ?? false }:
        axis = shape.rank - 1
      default: return nil
      }
      guard axis < shape.rank, let dense = shape[axis].extent else { return nil }
      return LayerWidth(
        name: node.name, dense: dense, kept: kept[AxisID(node.output, axis)]?.count ?? dense)
    }
  }
}
