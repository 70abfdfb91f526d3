import NetworkGraph

/// One way in which channels are tied to each other, each as the smallest network that has it.
public enum CouplingPattern: String, CaseIterable, Sendable {
  /// Layers one after the other, with every elementwise operator between.
  case chain
  /// A sum of a value and a layer's output.
  case residual
  /// A shortcut with a layer of its own.
  case convolutionShortcut
  /// A shortcut without weights: every second row and column, zero channels on both sides.
  case paddedShortcut
  case depthwise
  /// A depthwise convolution that makes two channels of each.
  case depthwiseMultiplier
  /// Rows and columns become inputs of a fully connected layer.
  case flatten
  /// The same by two reshapes, and a weight that is not transposed.
  case reshape
  /// A convolution in two groups of several channels.
  case groupedConvolution
  /// Channels 1..<5 of eight go one way, all eight the other.
  case channelSlice
  /// The sum of the front and the back half of one value's channels.
  case foldedHalves
  /// A sum with one constant per channel.
  case constantAdd
  /// One weight for two layers.
  case sharedWeights
  case channelSoftmax
  case channelMean
  /// Two outputs from one trunk.
  case twoHeads
  /// Three values side by side, one of them read elsewhere too.
  case concat
  /// A value beside itself.
  case concatSelf
  /// The network's input beside a layer's output: a part of the axis must stay.
  case concatInput
  /// Two parts of one value, each through a layer, and side by side again.
  case split
  /// Channels in another order.
  case shuffle
  /// Some channels, one of them twice.
  case gatherChannels
  /// A part of the channels gates the other.
  case gatedHalves
  /// Half of the channels through a depthwise bottleneck; side by side, and shuffled.
  case shuffleNetV2
  /// Grouped convolutions with a shuffle between them.
  case shuffleNetV1
  /// A gate per channel, of the channel's mean.
  case squeezeExcite
  /// The same, repeated over rows and columns by Expand.
  case expand
  case transposedConvolution, groupedTransposedConvolution, depthwiseTransposedConvolution
  /// More groups than channels in one: whole groups go.
  case resNeXt
  case groupNormWhole
  /// Fewer groups than channels in one: every group loses the same places.
  case groupNormPlaces
  case instanceNorm
  case parametricRelu
  case layerScale
  /// Depthwise convolution, then rows, columns, channels: LayerNorm and two products.
  case convNeXt
  /// Queries, keys and values of two heads.
  case attention
  /// A product of two activations that are not zero where they are silenced.
  case sigmoidProduct
  case depthToSpaceSlow, depthToSpaceFast, spaceToDepth
  /// By scales, and by extents that name the channels.
  case resize
  /// Channels cut into heads and joined again.
  case reshapeHeads
  /// Anchors × (classes + box) from one convolution, as a detector's output.
  case detectionHead
  case twoInputs

  /// Whether pruning may change what a unit is: groups that became smaller than they are many, or
  /// a depthwise layer of one channel.
  public var regroups: Bool {
    switch self {
    case .groupedConvolution, .shuffleNetV1, .groupedTransposedConvolution, .groupNormPlaces,
      .resNeXt, .groupNormWhole, .attention, .reshapeHeads:
      true
    default: false
    }
  }

  public func network(seed: UInt64 = 1) throws -> Network {
    var builder = NetworkBuilder(rawValue, input: [3, 6, 6], seed: seed)
    let stem = try builder.convolution(builder.input, outputs: 8, name: "stem")
    let x = try builder.relu(stem, name: "stem.relu")
    switch self {
    case .chain: return try Self.chain(x, &builder)
    case .residual:
      let inner = try builder.convolution(x, outputs: 6, name: "inner")
      let outer = try builder.convolution(
        builder.batchNormalization(inner, name: "norm"), outputs: 8, name: "outer")
      return try builder.classifier(builder.add(x, outer, name: "sum"))
    case .convolutionShortcut:
      let inner = try builder.convolution(x, outputs: 6, stride: 2, name: "inner")
      let outer = try builder.convolution(inner, outputs: 10, name: "outer")
      let short = try builder.convolution(x, outputs: 10, kernel: 1, stride: 2, name: "shortcut")
      return try builder.classifier(builder.add(outer, short, name: "sum"))
    case .paddedShortcut: return try Self.paddedShortcut(x, &builder)
    case .depthwise, .depthwiseMultiplier:
      let outputs = self == .depthwise ? 8 : 16
      let deep = try builder.convolution(x, outputs: outputs, groups: 8, name: "depthwise")
      let point = try builder.convolution(
        builder.batchNormalization(deep, name: "norm"), outputs: 5, kernel: 1, name: "pointwise")
      return try builder.classifier(point)
    case .flatten:
      let hidden = try builder.gemm(builder.flatten(x), outputs: 7, name: "hidden")
      let logits = try builder.gemm(hidden, outputs: 3, name: "classifier")
      return builder.finished(logits)
    case .reshape: return try Self.reshape(x, &builder)
    case .groupedConvolution:
      let grouped = try builder.convolution(x, outputs: 6, groups: 2, name: "grouped")
      let next = try builder.convolution(grouped, outputs: 5, name: "next")
      return try builder.classifier(next)
    case .channelSlice:
      let slice = Slice(ranges: [.init(axis: 1, start: 1, end: 5)])
      let part = try builder.apply(.slice(slice), to: [x], name: "slice")
      let narrow = try builder.convolution(part, outputs: 4, name: "narrow")
      let wide = try builder.convolution(x, outputs: 4, name: "wide")
      return try builder.classifier(builder.add(narrow, wide, name: "sum"))
    case .foldedHalves:
      let halves = try [0, 4].map { start in
        let slice = Slice(ranges: [.init(axis: 1, start: start, end: start + 4)])
        return try builder.apply(.slice(slice), to: [x], name: "half\(start)")
      }
      let sum = try builder.add(halves[0], halves[1], name: "sum")
      return try builder.classifier(builder.convolution(sum, outputs: 4, name: "next"))
    case .constantAdd:
      let constant = builder.constant("offsets", [8, 1, 1])
      let sum = try builder.add(x, constant, name: "sum")
      return try builder.classifier(builder.convolution(sum, outputs: 4, name: "next"))
    case .sharedWeights:
      let weight = builder.constant("shared", [8, 8, 3, 3], in: -0.3...0.3)
      let once = try builder.convolution(x, weight: weight, name: "once")
      let twice = try builder.convolution(
        builder.relu(once, name: "between"), weight: weight, name: "twice")
      return try builder.classifier(twice)
    case .channelSoftmax, .channelMean:
      let next = try builder.convolution(x, outputs: 4, name: "next")
      let operation: Operator =
        self == .channelSoftmax
        ? .softmax(Softmax(axis: 1)) : .reduction(Reduction(axes: [1], keepsAxes: true))
      return try builder.classifier(builder.apply(operation, to: [next], name: "across"))
    case .twoHeads:
      let middle = try builder.convolution(x, outputs: 6, name: "middle")
      let pool = try builder.globalAverage(x, name: "early.pool")
      let early = try builder.gemm(
        builder.flatten(pool, name: "early.flatten"), outputs: 2, name: "early")
      var network = try builder.classifier(middle)
      network.outputs.append(early)
      return network
    case .concat, .concatSelf, .concatInput, .split, .shuffle, .gatherChannels, .gatedHalves,
      .shuffleNetV2, .shuffleNetV1:
      return try sideBySide(x, &builder)
    case .squeezeExcite, .expand, .parametricRelu, .layerScale, .groupNormWhole, .groupNormPlaces,
      .instanceNorm, .transposedConvolution, .groupedTransposedConvolution,
      .depthwiseTransposedConvolution, .resNeXt:
      return try scaled(x, &builder)
    case .convNeXt, .attention, .sigmoidProduct, .depthToSpaceSlow, .depthToSpaceFast,
      .spaceToDepth, .resize, .reshapeHeads, .detectionHead, .twoInputs:
      return try moved(x, &builder)
    }
  }

  private static func chain(_ x: ValueID, _ builder: inout NetworkBuilder) throws -> Network {
    let functions: [Activation] = [
      .clip(0, 6), .leakyRelu(alpha: 0.1), .sigmoid, .tanh, .hardSigmoid(alpha: 0.2, beta: 0.5),
      .hardSwish,
    ]
    var x = x
    for function in functions {
      let name = function.name.lowercased()
      x = try builder.convolution(x, outputs: 5, bias: false, name: "\(name).conv")
      x = try builder.batchNormalization(x, name: "\(name).norm")
      x = try builder.apply(.activation(function), to: [x], name: name)
    }
    let window = Pooling(kind: .maximum, kernel: [2, 2], strides: [2, 2])
    x = try builder.apply(.pooling(window), to: [x], name: "window")
    x = try builder.convolution(x, outputs: 4, name: "last")
    let mean = Reduction(axes: [2, 3], keepsAxes: false)
    x = try builder.apply(.reduction(mean), to: [x], name: "mean")
    let logits = try builder.gemm(x, outputs: 3, name: "classifier")
    return builder.finished(logits)
  }

  /// Two widenings, 8 → 12 → 20, so that a border of the first is in the middle of the second.
  private static func paddedShortcut(
    _ x: ValueID, _ builder: inout NetworkBuilder
  ) throws -> Network {
    var x = x
    for (stage, (outputs, border)) in [(12, 2), (20, 4)].enumerated() {
      let outer = try builder.convolution(
        builder.convolution(x, outputs: 6, stride: 2, name: "inner\(stage)"), outputs: outputs,
        name: "outer\(stage)")
      let rows = Slice(ranges: [
        .init(axis: 2, start: 0, end: stage == 0 ? 6 : 3, step: 2),
        .init(axis: 3, start: 0, end: stage == 0 ? 6 : 3, step: 2),
      ])
      let slice = try builder.apply(.slice(rows), to: [x], name: "slice\(stage)")
      let borders = [0, border, 0, 0]
      let pad = try builder.apply(
        .pad(Pad(before: borders, after: borders)), to: [slice], name: "pad\(stage)")
      x = try builder.relu(builder.add(outer, pad, name: "sum\(stage)"), name: "relu\(stage)")
    }
    return try builder.classifier(x)
  }

  /// [N, 8, 6, 6] → [N, 8, 36] → [N, 288] → Gemm.
  private static func reshape(_ x: ValueID, _ builder: inout NetworkBuilder) throws -> Network {
    let rows = try builder.apply(
      .reshape(Reshape(target: .batched([8, 36]))), to: [x], name: "rows")
    let flat = try builder.apply(
      .reshape(Reshape(target: .batched([288]))), to: [rows], name: "flat")
    let hidden = try builder.gemm(flat, outputs: 7, transposesWeight: false, name: "hidden")
    let logits = try builder.gemm(hidden, outputs: 3, name: "classifier")
    return builder.finished(logits)
  }
}
