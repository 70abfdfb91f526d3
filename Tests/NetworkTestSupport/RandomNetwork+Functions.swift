import NetworkGraph

/// Moves without weights.
extension RandomNetwork {
  private static let functions: [Activation] = [
    .relu, .clip(-0.5, 0.75), .leakyRelu(alpha: 0.1), .thresholdedRelu(alpha: 0.2), .sigmoid,
    .tanh, .hardSigmoid(alpha: 0.2, beta: 0.5), .hardSwish, .silu, .mish,
    .gelu(isApproximate: false), .gelu(isApproximate: true), .elu(alpha: 1),
    .selu(alpha: 1.6, gamma: 1.05), .celu(alpha: 1), .softplus, .softsign, .erf, .absolute,
    .negation, .exponential, .squareRoot, .reciprocal,
  ]

  mutating func function() throws -> ValueID {
    let x = some()
    if among(0...5) == 0 {
      let slope = try constant(broadcastingTo: x)
      return try apply(.parametricRelu, [x, slope], "prelu")
    }
    let function = Self.functions.randomElement(using: &generator) ?? .relu
    return try apply(.activation(function), [x], "function")
  }

  private mutating func someElementwise() -> Elementwise {
    // Powers and quotients of chance values are seldom finite.
    let common: [Elementwise] = [.add, .multiply, .subtract, .minimum, .maximum]
    return (among(0...15) == 0 ? [.divide, .power] : common).randomElement(using: &generator)
      ?? .add
  }

  mutating func binary() throws -> ValueID {
    let operation = someElementwise()
    return try apply(.elementwise(operation), [some(), some()], "binary")
  }

  /// A constant with some of the value's axes, others of extent 1.
  private mutating func constant(broadcastingTo x: ValueID) throws -> ValueID {
    let extents = shape(x).dimensions.map { dimension in
      Bool.random(using: &generator) ? dimension.extent ?? 1 : 1
    }
    let dropped = among(0...extents.count - 1)
    let shortened = extents.prefix(dropped).allSatisfy { $0 == 1 }
    return builder.constant(name("constant"), shortened ? Array(extents[dropped...]) : extents)
  }

  mutating func withConstant() throws -> ValueID {
    let x = some()
    guard shape(x).rank > 0 else { throw Misfit() }
    let pair = [x, try constant(broadcastingTo: x)]
    let operation = someElementwise()
    return try apply(
      .elementwise(operation), Bool.random(using: &generator) ? pair : pair.reversed(), "shifted")
  }

  mutating func expand() throws -> ValueID {
    let (x, like) = (some(), some())
    if Bool.random(using: &generator) {
      let repeated = try apply(
        .expand(Expand(target: shape(like))), [constant(broadcastingTo: like)], "repeated")
      return try builder.add(like, repeated, name: name("sum"))
    }
    return try apply(.expand(Expand(target: shape(like))), [x], "expand")
  }

  mutating func pool() throws -> ValueID {
    let x = some()
    guard shape(x).rank > 2 else { throw Misfit() }
    if among(0...2) == 0 { return try builder.globalAverage(x, name: name("pool")) }
    let kernel = Array(repeating: 2, count: shape(x).rank - 2)
    let kind: Pooling.Kind =
      Bool.random(using: &generator) ? .maximum : .average(countsPadding: false)
    return try apply(
      .pooling(Pooling(kind: kind, kernel: kernel, strides: kernel.map { _ in among(1...2) })),
      [x], "pool")
  }

  mutating func reduction() throws -> ValueID {
    let x = some()
    let axis = try someAxis(of: x).axis
    let kinds: [Reduction.Kind] = [.mean, .sum, .maximum, .l2]
    let kind = kinds.randomElement(using: &generator) ?? .mean
    let keeps = Bool.random(using: &generator)
    return try apply(.reduction(Reduction(kind, axes: [axis], keepsAxes: keeps)), [x], "reduction")
  }

  /// What reads across an axis.
  mutating func across() throws -> ValueID? {
    let x = some()
    let axis = try someAxis(of: x).axis
    switch among(0...3) {
    case 0:
      let end = try apply(.argMax(ArgMax(axis: axis, keepsAxis: false)), [x], "best")
      ends.append(end)
      return x
    case 1:
      return try apply(.localResponseNormalization(.init(size: 3)), [x], "neighbours")
    default: return try apply(.softmax(Softmax(axis: axis)), [x], "softmax")
    }
  }
}
