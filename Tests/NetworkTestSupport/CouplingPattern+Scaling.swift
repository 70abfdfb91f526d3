import NetworkGraph

/// Patterns of gates, norms and layers in groups.
extension CouplingPattern {
  func scaled(_ x: ValueID, _ builder: inout NetworkBuilder) throws -> Network {
    switch self {
    case .squeezeExcite, .expand:
      let narrow = try builder.convolution(
        builder.globalAverage(x, name: "mean"), outputs: 3, kernel: 1, name: "narrow")
      let wide = try builder.convolution(
        builder.relu(narrow, name: "relu"), outputs: 8, kernel: 1, name: "wide")
      var gate = try builder.activation(.sigmoid, wide, name: "gate")
      if self == .expand {
        let target = builder.network[x].shape
        gate = try builder.apply(.expand(Expand(target: target)), to: [gate], name: "repeated")
        // A constant repeated over rows, columns and images.
        let offset = try builder.apply(
          .expand(Expand(target: target)), to: [builder.constant("offset", [8, 1, 1])],
          name: "offsets")
        gate = try builder.add(offset, gate, name: "shifted")
      }
      return try Self.next(builder.multiply(x, gate, name: "gated"), &builder)
    case .parametricRelu:
      let inner = try builder.convolution(x, outputs: 6, name: "inner")
      let slope = builder.constant("slope", [6, 1, 1])
      return try Self.next(
        builder.apply(.parametricRelu, to: [inner, slope], name: "prelu"), &builder)
    case .layerScale:
      let inner = try builder.convolution(x, outputs: 8, name: "inner")
      let scale = builder.constant("scale", [1, 8, 1, 1])
      let scaled = try builder.multiply(scale, inner, name: "scaled")
      return try Self.next(builder.add(x, scaled, name: "sum"), &builder)
    case .groupNormWhole, .groupNormPlaces:
      let inner = try builder.convolution(x, outputs: 8, name: "inner")
      let norm = try builder.groupNormalization(
        inner, groups: self == .groupNormWhole ? 4 : 2, name: "norm")
      return try Self.next(norm, &builder)
    case .instanceNorm:
      let inner = try builder.convolution(x, outputs: 6, name: "inner")
      let parameters = ["scale", "shift"].map { builder.constant("norm.\($0)", [6]) }
      return try Self.next(
        builder.apply(
          .normalization(Normalization(.instance)), to: [inner] + parameters, name: "norm"),
        &builder)
    case .transposedConvolution:
      return try Self.next(
        builder.transposedConvolution(x, outputs: 6, name: "up"), &builder)
    case .groupedTransposedConvolution:
      return try Self.next(
        builder.transposedConvolution(x, outputs: 6, groups: 2, name: "up"), &builder)
    case .depthwiseTransposedConvolution:
      return try Self.next(
        builder.transposedConvolution(x, outputs: 16, groups: 8, name: "up"), &builder)
    default:
      let narrow = try builder.convolution(x, outputs: 8, kernel: 1, name: "narrow")
      let grouped = try builder.convolution(narrow, outputs: 8, groups: 4, name: "grouped")
      let wide = try builder.convolution(
        builder.batchNormalization(grouped, name: "norm"), outputs: 8, kernel: 1, name: "wide")
      return try Self.next(builder.add(x, wide, name: "sum"), &builder)
    }
  }
}
