import NetworkGraph

/// Patterns that take channels apart and put them side by side.
extension CouplingPattern {
  func sideBySide(_ x: ValueID, _ builder: inout NetworkBuilder) throws -> Network {
    switch self {
    case .concat:
      let a = try builder.convolution(x, outputs: 4, name: "a")
      let b = try builder.convolution(a, outputs: 5, name: "b")
      return try Self.next(builder.concat(a, b, x, name: "joined"), &builder)
    case .concatSelf:
      let a = try builder.convolution(x, outputs: 4, name: "a")
      return try Self.next(builder.concat(a, a, name: "joined"), &builder)
    case .concatInput:
      return try Self.next(builder.concat(builder.input, x, name: "joined"), &builder)
    case .split:
      let front = try builder.slice(x, 0..<3, name: "front")
      let back = try builder.slice(x, 3..<8, name: "back")
      let a = try builder.convolution(front, outputs: 4, name: "a")
      return try Self.next(builder.concat(back, a, name: "joined"), &builder)
    case .shuffle:
      return try Self.next(Self.shuffled(x, groups: 2, &builder), &builder)
    case .gatherChannels:
      let some = try builder.apply(
        .gather(Gather(axis: 1, indices: [7, 0, 0, 3])), to: [x], name: "some")
      let a = try builder.convolution(some, outputs: 8, name: "a")
      return try Self.next(builder.concat(a, x, name: "joined"), &builder)
    case .gatedHalves:
      let wide = try builder.convolution(x, outputs: 10, name: "wide")
      let gate = try builder.activation(
        .sigmoid, builder.slice(wide, 5..<10, name: "back"), name: "gate")
      let front = try builder.slice(wide, 0..<5, name: "front")
      return try Self.next(builder.multiply(front, gate, name: "gated"), &builder)
    case .shuffleNetV2:
      let front = try builder.slice(x, 0..<4, name: "front")
      let back = try builder.slice(x, 4..<8, name: "back")
      let narrow = try builder.convolution(back, outputs: 4, kernel: 1, name: "narrow")
      let deep = try builder.convolution(narrow, outputs: 4, groups: 4, name: "deep")
      let wide = try builder.convolution(deep, outputs: 4, kernel: 1, name: "wide")
      let joined = try builder.concat(front, wide, name: "joined")
      return try Self.next(Self.shuffled(joined, groups: 2, &builder), &builder)
    default:
      let first = try builder.convolution(x, outputs: 8, kernel: 1, groups: 2, name: "first")
      let shuffled = try Self.shuffled(builder.relu(first, name: "relu"), groups: 2, &builder)
      let deep = try builder.convolution(shuffled, outputs: 8, groups: 8, name: "deep")
      let last = try builder.convolution(deep, outputs: 8, kernel: 1, groups: 2, name: "last")
      return try Self.next(builder.add(x, last, name: "sum"), &builder)
    }
  }

  /// A layer of four filters and the classifier.
  static func next(_ x: ValueID, _ builder: inout NetworkBuilder) throws -> Network {
    try builder.classifier(builder.convolution(x, outputs: 4, name: "next"))
  }

  /// Channel i of each group after channel i of the one before.
  private static func shuffled(
    _ x: ValueID, groups: Int, _ builder: inout NetworkBuilder
  ) throws -> ValueID {
    let channels = builder.network[x].shape[1].extent ?? 0
    let size = channels / groups
    let order = (0..<channels).map { $0 % groups * size + $0 / groups }
    return try builder.apply(.gather(Gather(axis: 1, indices: order)), to: [x], name: "shuffled")
  }
}
