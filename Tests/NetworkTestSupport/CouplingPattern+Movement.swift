import NetworkGraph

/// Patterns that take channels to other axes.
extension CouplingPattern {
  func moved(_ x: ValueID, _ builder: inout NetworkBuilder) throws -> Network {
    switch self {
    case .convNeXt: return try Self.convNeXt(x, &builder)
    case .attention: return try Self.attention(x, &builder)
    case .sigmoidProduct:
      let values = try ["a", "b"].map { name in
        let inner = try builder.convolution(x, outputs: 6, name: name)
        let rows = try builder.reshape(inner, [6, 36], name: "\(name).rows")
        return try builder.activation(.sigmoid, rows, name: "\(name).sigmoid")
      }
      let turned = try builder.transpose(values[0], [0, 2, 1], name: "turned")
      let product = try builder.apply(
        .matrixProduct(MatrixProduct()), to: [turned, values[1]], name: "product")
      return try Self.averaged(product, &builder)
    case .depthToSpaceSlow, .depthToSpaceFast:
      let wide = try builder.convolution(x, outputs: 12, name: "wide")
      let operation = DepthToSpace(size: 2, placesAreFast: self == .depthToSpaceFast)
      return try Self.next(
        builder.apply(.depthToSpace(operation), to: [wide], name: "spread"), &builder)
    case .spaceToDepth:
      return try Self.next(
        builder.apply(.spaceToDepth(SpaceToDepth(size: 2)), to: [x], name: "stacked"), &builder)
    case .resize:
      let twice = Resize(mode: .nearest(.floor), coordinates: .asymmetric, scales: [1, 1, 2, 2])
      let sizes = Resize(
        mode: .linear, coordinates: .halfPixel, scales: [1, 1, 0.75, 0.75],
        sizes: [nil, 8, 9, 9])
      let large = try builder.apply(.resize(twice), to: [x], name: "large")
      return try Self.next(builder.apply(.resize(sizes), to: [large], name: "smaller"), &builder)
    case .reshapeHeads:
      let heads = try builder.reshape(x, [2, 4, 6, 6], name: "heads")
      let softened = try builder.activation(.tanh, heads, name: "tanh")
      return try Self.next(builder.reshape(softened, [8, 6, 6], name: "joined"), &builder)
    case .detectionHead:
      let inner = try builder.convolution(x, outputs: 6, name: "inner")
      let boxes = try builder.convolution(inner, outputs: 15, kernel: 1, name: "boxes")
      let anchors = try builder.reshape(boxes, [3, 5, 36], name: "anchors")
      let rows = try builder.transpose(anchors, [0, 1, 3, 2], name: "rows")
      var network = try builder.classifier(inner)
      network.outputs.append(rows)
      return network
    default:
      let other = builder.addInput("other", [5])
      let hidden = try builder.gemm(other, outputs: 8, name: "hidden")
      let gate = try builder.reshape(hidden, [8, 1, 1], name: "gate")
      return try Self.next(builder.multiply(x, gate, name: "gated"), &builder)
    }
  }

  private static func convNeXt(_ x: ValueID, _ builder: inout NetworkBuilder) throws -> Network {
    let deep = try builder.convolution(x, outputs: 8, kernel: 5, groups: 8, name: "deep")
    let rows = try builder.transpose(deep, [0, 2, 3, 1], name: "last")
    let norm = try builder.layerNormalization(rows, name: "norm")
    let wide = try builder.linear(norm, outputs: 12, name: "wide")
    let active = try builder.activation(.gelu(isApproximate: false), wide, name: "gelu")
    let narrow = try builder.linear(active, outputs: 8, name: "narrow")
    let scaled = try builder.multiply(narrow, builder.constant("scale", [8]), name: "scaled")
    let back = try builder.transpose(scaled, [0, 3, 1, 2], name: "first")
    return try Self.next(builder.add(x, back, name: "sum"), &builder)
  }

  private static func attention(_ x: ValueID, _ builder: inout NetworkBuilder) throws -> Network {
    let rows = try builder.reshape(x, [8, 36], name: "rows")
    let tokens = try builder.transpose(rows, [0, 2, 1], name: "tokens")
    let norm = try builder.layerNormalization(tokens, name: "norm")
    var heads: [ValueID] = []
    for (name, order) in [
      ("query", [0, 2, 1, 3]), ("key", [0, 2, 3, 1]), ("value", [0, 2, 1, 3]),
    ] {
      let linear = try builder.linear(norm, outputs: 8, name: name)
      let cut = try builder.reshape(linear, [36, 2, 4], name: "\(name).heads")
      heads.append(try builder.transpose(cut, order, name: "\(name).turned"))
    }
    let scores = try builder.apply(
      .matrixProduct(MatrixProduct()), to: [heads[0], heads[1]], name: "scores")
    let scaled = try builder.multiply(scores, builder.constant("root", []), name: "scaled")
    let weights = try builder.apply(.softmax(Softmax(axis: 3)), to: [scaled], name: "softmax")
    let mixed = try builder.apply(
      .matrixProduct(MatrixProduct()), to: [weights, heads[2]], name: "mixed")
    let turned = try builder.transpose(mixed, [0, 2, 1, 3], name: "turned")
    let joined = try builder.reshape(turned, [36, 8], name: "joined")
    let projected = try builder.linear(joined, outputs: 8, name: "projection")
    let sum = try builder.add(tokens, projected, name: "sum")
    return try averaged(sum, &builder)
  }

  /// The mean over rows, and a fully connected layer.
  private static func averaged(_ x: ValueID, _ builder: inout NetworkBuilder) throws -> Network {
    let mean = try builder.apply(
      .reduction(Reduction(axes: [1], keepsAxes: false)), to: [x], name: "mean")
    let logits = try builder.gemm(mean, outputs: 3, name: "classifier")
    return builder.finished(logits)
  }
}
