import NetworkGraph

/// Moves with weights.
extension RandomNetwork {
  static let moves: [@Sendable (inout RandomNetwork) throws -> ValueID?] = [
    { try $0.layer($0.some(), outputs: $0.among(2...8), groups: 1) },
    { try $0.layer($0.some(), outputs: $0.among(2...8), groups: 1) },
    { try $0.groupedLayer() }, { try $0.groupedLayer() }, { try $0.transposedLayer() },
    { try $0.linear() }, { try $0.linear() }, { try $0.residual() }, { try $0.residual() },
    { try $0.gated() }, { try $0.norm() }, { try $0.norm() }, { try $0.function() },
    { try $0.function() }, { try $0.binary() }, { try $0.binary() }, { try $0.withConstant() },
    { try $0.concat() }, { try $0.concat() }, { try $0.slice() }, { try $0.slice() },
    { try $0.gather() }, { try $0.pad() }, { try $0.reshape() }, { try $0.reshape() },
    { try $0.reshape() }, { try $0.transpose() }, { try $0.transpose() }, { try $0.flatten() },
    { try $0.pool() }, { try $0.resize() }, { try $0.depth() }, { try $0.depth() },
    { try $0.product() }, { try $0.product() }, { try $0.reduction() }, { try $0.expand() },
    { try $0.across() },
  ]

  /// A convolution over as many axes as there are, or a fully connected layer.
  mutating func layer(_ x: ValueID, outputs: Int, groups: Int) throws -> ValueID {
    let shape = shape(x)
    guard shape.rank > 1, let inputs = shape[1].extent, inputs % groups == 0 else { throw Misfit() }
    if shape.rank == 2 { return try builder.gemm(x, outputs: outputs, name: name("gemm")) }
    let kernel = shape.dimensions[2...].map { _ in [1, 3].randomElement(using: &generator) ?? 1 }
    let scale = 2 / Float(inputs / groups).squareRoot()
    let word = name(groups == 1 ? "conv" : "grouped")
    let weight = builder.constant(
      "\(word).weight", [outputs, inputs / groups] + kernel, in: -scale...scale)
    let bias = Bool.random(using: &generator) ? builder.constant("\(word).bias", [outputs]) : nil
    let stride = among(0...4) == 0 ? 2 : 1
    return try builder.apply(
      .convolution(
        Convolution(
          kernel: kernel, strides: kernel.map { _ in stride }, padsBefore: kernel.map { $0 / 2 },
          padsAfter: kernel.map { $0 / 2 }, groups: groups)), to: [x, weight, bias], name: word)
  }

  mutating func groupedLayer() throws -> ValueID {
    let x = some()
    let shape = shape(x)
    guard shape.rank > 2, let inputs = shape[1].extent else { throw Misfit() }
    let divisors = (2...max(2, inputs)).filter { inputs % $0 == 0 }
    guard let groups = divisors.randomElement(using: &generator) else { throw Misfit() }
    return try layer(x, outputs: groups * among(1...3), groups: groups)
  }

  mutating func transposedLayer() throws -> ValueID {
    let x = some()
    guard shape(x).rank == 4, let inputs = shape(x)[1].extent else { throw Misfit() }
    let groups = (1...inputs).filter { inputs % $0 == 0 }.randomElement(using: &generator) ?? 1
    return try builder.transposedConvolution(
      x, outputs: groups * among(1...3), groups: groups, name: name("up"))
  }

  /// A product with a constant matrix on either side.
  mutating func linear() throws -> ValueID {
    let x = some()
    let shape = shape(x)
    guard shape.rank > 1 else { throw Misfit() }
    if among(0...3) > 0 {
      return try builder.linear(x, outputs: among(2...8), name: name("linear"))
    }
    guard let rows = shape[shape.rank - 2].extent else { throw Misfit() }
    let weight = builder.constant(name("left.weight"), [among(2...8), rows])
    return try apply(.matrixProduct(MatrixProduct()), [weight, x], "left")
  }

  /// A layer of the value's own width, and a sum.
  mutating func residual() throws -> ValueID {
    let x = some()
    guard shape(x).rank > 1, let width = shape(x)[1].extent else { throw Misfit() }
    let inner = try layer(x, outputs: width, groups: 1)
    return try builder.add(x, inner, name: name("sum"))
  }

  /// A gate per channel.
  mutating func gated() throws -> ValueID {
    let x = some()
    guard shape(x).rank > 2, let width = shape(x)[1].extent else { throw Misfit() }
    let mean = try builder.globalAverage(x, name: name("mean"))
    let inner = try layer(mean, outputs: among(2...3), groups: 1)
    let gate = try builder.activation(
      .sigmoid, layer(inner, outputs: width, groups: 1), name: name("gate"))
    return try builder.multiply(x, gate, name: name("gated"))
  }

  mutating func norm() throws -> ValueID {
    let x = some()
    let shape = shape(x)
    guard shape.rank > 1, let width = shape[1].extent else { throw Misfit() }
    switch among(0...4) {
    case 0: return try builder.batchNormalization(x, name: name("batchNorm"))
    case 1: return try builder.layerNormalization(x, name: name("layerNorm"))
    case 2:
      let groups = (1...width).filter { width % $0 == 0 }.randomElement(using: &generator) ?? 1
      return try builder.groupNormalization(x, groups: groups, name: name("groupNorm"))
    case 3:
      let word = name("instanceNorm")
      let parameters = ["scale", "shift"].map { builder.constant("\(word).\($0)", [width]) }
      return try builder.apply(
        .normalization(Normalization(.instance)), to: [x] + parameters, name: word)
    default:
      let axis = among(1...shape.rank - 1)
      return try apply(.normalization(Normalization(.layer(axis: axis))), [x], "layerNorm")
    }
  }

  /// A product of two activations.
  mutating func product() throws -> ValueID {
    let (a, b) = (some(), some())
    if among(0...2) == 0 { return try apply(.matrixProduct(MatrixProduct()), [a, b], "product") }
    // Most pairs do not fit: a value and its own layer always do, in one order or the other.
    guard shape(a).rank >= 3, let width = shape(a)[1].extent else { throw Misfit() }
    let other = try layer(a, outputs: width, groups: 1)
    let rank = shape(a).rank
    let turned = Array(0..<rank - 2) + [rank - 1, rank - 2]
    let turns = Bool.random(using: &generator)
    let left = turns ? try builder.transpose(a, turned, name: name("turned")) : a
    let right = turns ? other : try builder.transpose(other, turned, name: name("turned"))
    let active =
      Bool.random(using: &generator)
      ? try builder.activation(.sigmoid, right, name: name("sigmoid")) : right
    return try apply(.matrixProduct(MatrixProduct()), [left, active], "product")
  }
}
