extension ChannelCoupling {
  /// Follows channels through a reshape of x.
  ///
  /// A reshape cuts both shapes into segments of equally many elements. Where one axis faces one,
  /// they go together. Where axes are joined, the one that carries channels owns blocks of the
  /// joint axis; where an axis is split, its channels go on along the longest of its parts, and
  /// those that meet there go together.
  mutating func tieReshape(_ x: ValueID, _ output: ValueID) {
    guard let segments = Self.segments(network[x].shape, network[output].shape) else { return }
    // Channels that are joined with images cannot be followed.
    for segment in segments where !network[x].shape[segment.inputs[0]].isBatch {
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
  /// - Returns: Nil where images would mix: the batch must come first in its run on both sides.
  static func segments(
    _ x: Shape, _ target: Shape
  ) -> [(inputs: [Int], outputs: [Int])]? {
    var from = x.dimensions.indices.filter { x[$0] != .fixed(1) }[...]
    var to = target.dimensions.indices.filter { target[$0] != .fixed(1) }[...]
    var result: [(inputs: [Int], outputs: [Int])] = []
    while !from.isEmpty, !to.isEmpty {
      let (first, second) = (from.removeFirst(), to.removeFirst())
      guard x[first].isBatch == target[second].isBatch else { return nil }
      var (inputs, outputs) = ([first], [second])
      var (left, right) = (x[first].perImage, target[second].perImage)
      while left != right {
        if left < right {
          guard let axis = from.popFirst(), let extent = x[axis].extent else { return nil }
          left *= extent
          inputs.append(axis)
        } else {
          guard let axis = to.popFirst(), let extent = target[axis].extent else { return nil }
          right *= extent
          outputs.append(axis)
        }
      }
      result.append((inputs, outputs))
    }
    return from.isEmpty && to.isEmpty ? result : nil
  }
}
