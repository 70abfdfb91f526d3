/// Nodes that machines compute as one: a node and what follows it element by element, such as a
/// convolution with its BatchNorm, sum and activation.
///
/// Layers of equal ``shape``, ``input`` and ``output`` take equal time, wherever they stand: a
/// table of times is by these three.
public struct NetworkLayer: Sendable, Hashable, Codable {
  /// The first node's name.
  public var name: String
  /// The operator, its geometry, all extents but the channels', and what follows it:
  /// `Conv 3x3 stride2x2 pad1x1 @32x32 +BatchNormalization+Relu`.
  public var shape: String
  /// The places of its nodes.
  public var nodes: [Int]
  /// The channels it reads, and those it writes.
  public var input: ChannelExtent
  public var output: ChannelExtent
  /// What it computes and moves.
  public var work: Work
  /// Whether an extent other than that of channels changes when the network is pruned; its shape is
  /// then another at other widths, and no table can tell its times.
  public var hasVariableShape: Bool

  public init(
    name: String, shape: String, nodes: [Int], input: ChannelExtent, output: ChannelExtent,
    work: Work, hasVariableShape: Bool
  ) {
    self.name = name
    self.shape = shape
    self.nodes = nodes
    self.input = input
    self.output = output
    self.work = work
    self.hasVariableShape = hasVariableShape
  }

  /// Multiply–accumulates and bytes by the channels read (x) and written (y).
  public struct Work: Sendable, Hashable, Codable {
    /// MACs: `pairMACs` · x · y + `outputMACs` · y.
    public var pairMACs: Int64 = 0
    public var outputMACs: Int64 = 0
    /// Bytes: `pairBytes` · x · y + `inputBytes` · x + `outputBytes` · y + `fixedBytes`.
    public var pairBytes: Int64 = 0
    public var inputBytes: Int64 = 0
    public var outputBytes: Int64 = 0
    public var fixedBytes: Int64 = 0

    public init() {}

    public func macs(input x: Int, output y: Int) -> Int64 {
      pairMACs * Int64(x) * Int64(y) + outputMACs * Int64(y)
    }

    public func bytes(input x: Int, output y: Int) -> Int64 {
      pairBytes * Int64(x) * Int64(y) + inputBytes * Int64(x) + outputBytes * Int64(y) + fixedBytes
    }
  }
}

extension Network {
  /// The layers in the order of their first nodes; every node is in one.
  ///
  /// - Parameter groups: All groups of this network, as ``channelGroups()`` gives them.
  public func layers(groups: [ChannelGroup]) -> [NetworkLayer] {
    let axes = AxisWidths(self, groups: groups)
    let channels = channelAxes()
    return layerNodes().map { layer($0, axes, channels) }
  }

  /// Nodes joined with those that alone read their result and treat it element by element.
  private func layerNodes() -> [[Int]] {
    let readers = consumers()
    var claimed: Set<Int> = []
    var result: [[Int]] = []
    for index in nodes.indices where claimed.insert(index).inserted {
      var members = [index]
      var hasAddend = activations(of: nodes[index]).count > 1
      while let last = members.last {
        let value = nodes[last].output
        guard let next = onlyReader(of: value, consumers: readers), !claimed.contains(next),
          self[nodes[next].output].shape == self[value].shape, nodes[next].isElementwise
        else { break }
        let others = activations(of: nodes[next]).filter { $0 != value }
        if !others.isEmpty {
          guard !hasAddend else { break }
          hasAddend = true
        }
        claimed.insert(next)
        members.append(next)
      }
      result.append(members)
    }
    return result
  }

  private func activations(of node: Node) -> [ValueID] {
    node.inputs.compactMap(\.self).filter { self[$0].constant == nil }
  }

  /// The axis of channels of every activation: the second, but the last of what products and
  /// normalisations over the last axis made of three axes.
  private func channelAxes() -> [Int] {
    var result = values.map { min(1, max($0.shape.rank - 1, 0)) }
    for node in nodes {
      let rank = self[node.output].shape.rank
      let source = node.inputs.first.flatMap(\.self)
      switch node.operation {
      case .matrixProduct, .gemm: result[node.output.index] = max(rank - 1, 0)
      case .normalization(let normalization):
        if case .layer = normalization.extent { result[node.output.index] = max(rank - 1, 0) }
      case .activation, .elementwise, .batchNormalization, .parametricRelu:
        let same = activations(of: node).first { self[$0].shape.rank == rank }
        if let same { result[node.output.index] = result[same.index] }
      case .transpose(let transpose):
        if let source, let place = transpose.permutation.firstIndex(of: result[source.index]) {
          result[node.output.index] = place
        }
      default: break
      }
    }
    return result
  }

  private func layer(_ members: [Int], _ axes: AxisWidths, _ channels: [Int]) -> NetworkLayer {
    let node = nodes[members[0]]
    let output = nodes[members[members.count - 1]].output
    let sources = activations(of: node)
    func axis(_ value: ValueID) -> AxisID { AxisID(value, channels[value.index]) }
    let written = axes.extent(axis(output))
    // What is joined is written, and what is added has the channels of the sum.
    let isJoin = sources.count > 1
    let read = isJoin ? written : sources.first.map { axes.extent(axis($0)) } ?? written
    let touched = Set(members.flatMap { activations(of: nodes[$0]) + [nodes[$0].output] })
    let variable = touched.contains { value in
      self[value].shape.dimensions.indices.contains {
        $0 != channels[value.index] && axes.varies(AxisID(value, $0))
      }
    }
    var shape = node.operation.geometry(of: node, in: self)
    let place = sources.first ?? output
    for (sign, value) in [("@", place), ("->", output)] {
      let extents = extents(of: value, without: channels[value.index])
      if sign == "@" || extents != self.extents(of: place, without: channels[place.index]) {
        shape += (sign == "@" ? " @" : "->") + extents
      }
    }
    if members.count > 1 {
      shape += " " + members.dropFirst().map { "+" + nodes[$0].operation.name }.joined()
    }
    return NetworkLayer(
      name: node.name, shape: shape, nodes: members, input: read, output: written,
      work: work(
        members, input: extent(isJoin ? output : place, channels),
        output: extent(output, channels), channels: channels[output.index]),
      hasVariableShape: variable)
  }

  private func extent(_ value: ValueID, _ channels: [Int]) -> Int {
    let shape = self[value].shape
    return shape.rank == 0 ? 1 : max(1, shape[channels[value.index]].perImage)
  }

  /// "32x32" of `[N, 16, 32, 32]` with channels on axis 1; "1" where nothing is left.
  private func extents(of value: ValueID, without axis: Int) -> String {
    let rest = self[value].shape.dimensions.enumerated().compactMap {
      // The batch itself is no extent of one image.
      $0.offset == axis || $0.element == .batch ? nil : $0.element.perImage
    }
    return rest.isEmpty ? "1" : rest.map(String.init).joined(separator: "x")
  }

  /// What a layer computes and moves, as factors of its channels.
  private func work(_ members: [Int], input x: Int, output y: Int, channels: Int)
    -> NetworkLayer.Work
  {
    var work = NetworkLayer.Work()
    let own = Set(members.map { nodes[$0].output })
    for (place, index) in members.enumerated() {
      let node = nodes[index]
      let isPair = node.operation.joinsAllChannels(of: node, in: self)
      if isPair {
        work.pairMACs += macs(of: node) / (Int64(x) * Int64(y))
      } else {
        work.outputMACs += macs(of: node) / Int64(y)
      }
      let sources = activations(of: node)
      for value in sources where !own.contains(value) {
        if place == 0, sources.count == 1 {
          work.inputBytes += bytes(value) / Int64(x)
        } else {
          work.outputBytes += bytes(value) / Int64(y)
        }
      }
      for (input, value) in node.inputs.enumerated() {
        guard let value, self[value].constant != nil else { continue }
        if isPair, input == 1 {
          work.pairBytes += bytes(value) / (Int64(x) * Int64(y))
        } else if node.hasConstantPerChannel(self[value].shape, channels: channels, in: self) {
          work.outputBytes += bytes(value) / Int64(y)
        } else {
          work.fixedBytes += bytes(value)
        }
      }
    }
    let output = nodes[members[members.count - 1]].output
    work.outputBytes += bytes(output) / Int64(y)
    return work
  }

  private func bytes(_ value: ValueID) -> Int64 { 4 * Int64(self[value].shape.elementsPerImage) }
}

extension Node {
  /// Whether the node treats every element by itself, or with the same element of another value.
  fileprivate var isElementwise: Bool {
    switch operation {
    case .batchNormalization, .activation, .parametricRelu, .elementwise: true
    default: false
    }
  }

  /// Whether a constant of this shape, read by the node, has elements for every channel it writes.
  fileprivate func hasConstantPerChannel(_ shape: Shape, channels: Int, in network: Network)
    -> Bool
  {
    switch operation {
    case .elementwise, .parametricRelu:
      let result = network[output].shape
      let axis = channels - (result.rank - shape.rank)
      return axis >= 0 && axis < shape.rank && shape[axis] == result[channels]
        && shape[axis] != .fixed(1)
    default: return true
    }
  }
}

extension Operator {
  /// The operator and what of it does not change with channels: `Conv 3x3 stride2x2 pad1x1`.
  fileprivate func geometry(of node: Node, in network: Network) -> String {
    func extents(_ numbers: [Int]) -> String { numbers.map(String.init).joined(separator: "x") }
    func window(
      kernel: [Int]?, strides: [Int], dilations: [Int], before: [Int], after: [Int]
    ) -> [String] {
      var words = kernel.map { [extents($0)] } ?? []
      if strides.contains(where: { $0 != 1 }) { words.append("stride\(extents(strides))") }
      if dilations.contains(where: { $0 != 1 }) { words.append("dilation\(extents(dilations))") }
      if (before + after).contains(where: { $0 != 0 }) {
        words.append("pad\(extents(before))" + (before == after ? "" : ":\(extents(after))"))
      }
      return words
    }
    var words = [name]
    switch self {
    case .convolution(let layer):
      words += window(
        kernel: layer.kernel, strides: layer.strides, dilations: layer.dilations,
        before: layer.padsBefore, after: layer.padsAfter)
      words += grouping(layer.groups, node, network)
    case .transposedConvolution(let layer):
      words += window(
        kernel: layer.kernel, strides: layer.strides, dilations: layer.dilations,
        before: layer.padsBefore, after: layer.padsAfter)
      words += grouping(layer.groups, node, network)
    case .pooling(let pooling):
      guard let kernel = pooling.kernel else { break }
      words += window(
        kernel: kernel, strides: pooling.strides, dilations: pooling.dilations,
        before: pooling.padsBefore, after: pooling.padsAfter)
    default: break
    }
    return words.joined(separator: " ")
  }

  /// Whether every channel written depends on every channel read, through a weight of its own.
  fileprivate func joinsAllChannels(of node: Node, in network: Network) -> Bool {
    switch self {
    case .convolution(let layer):
      !ChannelBlocks(groups: layer.groups, ofInput: node, in: network).goWhole
    case .transposedConvolution(let layer):
      !ChannelBlocks(groups: layer.groups, ofInput: node, in: network).goWhole
    case .gemm: true
    case .matrixProduct: network.constant(node.inputs[1]) != nil
    default: false
    }
  }

  /// Layers in groups: where whole groups go, it is their size that stays.
  private func grouping(_ groups: Int, _ node: Node, _ network: Network) -> [String] {
    guard groups > 1 else { return [] }
    let blocks = ChannelBlocks(groups: groups, ofInput: node, in: network)
    if !blocks.goWhole { return ["groups\(groups)"] }
    return blocks.size == 1 ? ["depthwise"] : ["groupsof\(blocks.size)"]
  }
}
