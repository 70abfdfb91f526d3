import NetworkGraph

/// Moves that take elements to other places.
extension RandomNetwork {
  mutating func concat() throws -> ValueID {
    let x = some()
    let axis = try someAxis(of: x).axis
    var parts = [x, some()]
    if among(0...2) == 0 { parts = [x, x] }
    if among(0...2) == 0 { parts.append(some()) }
    return try apply(.concat(Concat(axis: axis)), parts, "concat")
  }

  mutating func slice() throws -> ValueID {
    let x = some()
    let (axis, extent) = try someAxis(of: x)
    guard extent > 1 else { throw Misfit() }
    let start = among(0...extent - 2)
    let step = among(0...2) == 0 ? 2 : 1
    var ranges = [
      Slice.Range(axis: axis, start: start, end: among(start + 1...extent), step: step)
    ]
    let other = try someAxis(of: x)
    if other.axis != axis, among(0...2) == 0 {
      ranges.append(.init(axis: other.axis, start: 0, end: among(1...other.extent)))
    }
    return try apply(.slice(Slice(ranges: ranges)), [x], "slice")
  }

  mutating func gather() throws -> ValueID {
    let x = some()
    let (axis, extent) = try someAxis(of: x)
    let indices =
      Bool.random(using: &generator)
      ? (0..<extent).shuffled(using: &generator)
      : (0..<among(1...extent + 1)).map { _ in among(0...extent - 1) }
    return try apply(.gather(Gather(axis: axis, indices: indices)), [x], "gather")
  }

  mutating func pad() throws -> ValueID {
    let x = some()
    let (axis, _) = try someAxis(of: x)
    var (before, after) = (shape(x).dimensions.map { _ in 0 }, shape(x).dimensions.map { _ in 0 })
    before[axis] = among(0...2)
    after[axis] = among(0...2)
    let modes: [Pad.Mode] = [.constant(0), .constant(0.5), .reflect, .edge]
    let mode = modes.randomElement(using: &generator) ?? .constant(0)
    return try apply(.pad(Pad(before: before, after: after, mode: mode)), [x], "pad")
  }

  /// Joins two neighbouring axes, splits one, or both at once.
  mutating func reshape() throws -> ValueID {
    let x = some()
    var target = shape(x)
    for _ in 0..<among(1...2) {
      let axis = among(0...target.rank - 1)
      guard let extent = target[axis].extent else { continue }
      let divisors = (1...extent).filter { extent % $0 == 0 }
      if Bool.random(using: &generator), let first = divisors.randomElement(using: &generator) {
        target.dimensions.replaceSubrange(
          axis...axis, with: [.fixed(first), .fixed(extent / first)])
      } else if axis + 1 < target.rank, let next = target[axis + 1].extent {
        target.dimensions.replaceSubrange(axis...axis + 1, with: [.fixed(extent * next)])
      }
    }
    guard target != shape(x), target.rank < 6 else { throw Misfit() }
    return try apply(.reshape(Reshape(target: target)), [x], "reshape")
  }

  mutating func flatten() throws -> ValueID { try apply(.flatten(Flatten()), [some()], "flatten") }

  mutating func transpose() throws -> ValueID {
    let x = some()
    let rank = shape(x).rank
    // The batch moves seldom: most operators want it first.
    let order =
      among(0...7) == 0
      ? (0..<rank).shuffled(using: &generator)
      : [0] + (1..<max(rank, 1)).shuffled(using: &generator)
    return try apply(.transpose(Transpose(permutation: order)), [x], "transpose")
  }

  mutating func resize() throws -> ValueID {
    let x = some()
    let shape = shape(x)
    guard shape.rank > 2 else { throw Misfit() }
    let scales = shape.dimensions.indices.map { $0 < 2 ? Float(1) : 2 }
    var sizes = [Int?](repeating: nil, count: shape.rank)
    if Bool.random(using: &generator) { sizes = shape.dimensions.map(\.extent) }
    for axis in sizes.indices.dropFirst(2) { sizes[axis] = sizes[axis].map { $0 * 2 } }
    let nearest = Resize.Mode.nearest(.floor)
    return try apply(
      .resize(
        Resize(
          mode: Bool.random(using: &generator) ? nearest : .linear,
          coordinates: Bool.random(using: &generator) ? .asymmetric : .halfPixel, scales: scales,
          sizes: sizes)), [x], "resize")
  }

  mutating func depth() throws -> ValueID {
    let x = some()
    return Bool.random(using: &generator)
      ? try apply(.spaceToDepth(SpaceToDepth(size: 2)), [x], "stacked")
      : try apply(
        .depthToSpace(DepthToSpace(size: 2, placesAreFast: Bool.random(using: &generator))), [x],
        "spread")
  }
}
