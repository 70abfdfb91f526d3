extension ChannelCoupling {
  /// Follows channels through a reshape of x.
  ///
  /// A reshape cuts both shapes into segments of equally many elements. Where one axis faces one,
  /// they go together. Where axes are joined, the one that carries channels owns blocks of the
  /// joint axis; where an axis is split, its channels go on along the longest of its parts, and
  /// those that meet there go together.
  mutating func tieReshape(_ x: ValueID, _ output: ValueID) {
    guard let segments = Self.segments(network[x].shape, network[output].shape) else { return }
    for segment in segments {
      let sources = segment.inputs.map { AxisID(x, $0) }
      let targets = segment.outputs.map { AxisID(output, $0) }
      if sources.count == 1, targets.count == 1 {
        tie(sources[0], targets[0])
        continue
      }
      let carriers = sources.indices.filter { isLive(sources[$0]) }
      // Two axes of channels joined into one cannot be told apart afterwards.
      guard carriers.count == 1, let source = carriers.first else { continue }
      let extents = targets.map(extent)
      guard let target = extents.indices.max(by: { extents[$0] < extents[$1] }) else { continue }
      tieWalks(
        Walk(axis: sources[source], inner: sources[(source + 1)...].map(extent).reduce(1, *)),
        Walk(axis: targets[target], inner: extents[(target + 1)...].reduce(1, *)),
        count: extents.reduce(1, *))
    }
  }

  /// An axis of a segment, as a walk over all elements of the segment sees it.
  private struct Walk {
    var axis: AxisID
    /// Elements between one index of the axis and the next.
    var inner: Int
  }

  private mutating func tieWalks(_ a: Walk, _ b: Walk, count: Int) {
    register(a.axis)
    register(b.axis)
    let (first, second) = (extent(a.axis), extent(b.axis))
    // Neighbouring elements mostly repeat the pair before.
    var last = (-1, -1)
    for element in 0..<count {
      let pair = (element / a.inner % first, element / b.inner % second)
      if pair != last { tie(a.axis, index: pair.0, b.axis, index: pair.1) }
      last = pair
    }
  }

  /// Runs of axes that hold equally many elements on both sides; axes of extent 1 are in none.
  ///
  /// - Returns: Nil where the batch is joined with another axis.
  static func segments(
    _ x: Shape, _ target: Shape
  ) -> [(inputs: [Int], outputs: [Int])]? {
    let from = x.dimensions.indices.filter { x[$0] != .fixed(1) }
    let to = target.dimensions.indices.filter { target[$0] != .fixed(1) }
    var result: [(inputs: [Int], outputs: [Int])] = []
    var (i, j) = (0, 0)
    while i < from.count, j < to.count {
      var inputs = [from[i]]
      var outputs = [to[j]]
      if x[from[i]] != target[to[j]] {
        guard var left = x[from[i]].extent, var right = target[to[j]].extent else { return nil }
        while left != right {
          if left < right {
            i += 1
            guard i < from.count, let extent = x[from[i]].extent else { return nil }
            left *= extent
            inputs.append(from[i])
          } else {
            j += 1
            guard j < to.count, let extent = target[to[j]].extent else { return nil }
            right *= extent
            outputs.append(to[j])
          }
        }
      }
      result.append((inputs, outputs))
      i += 1
      j += 1
    }
    return i == from.count && j == to.count ? result : nil
  }
}
