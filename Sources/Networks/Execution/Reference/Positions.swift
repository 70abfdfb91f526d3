extension [Int] {
  /// Elements between neighbours along each axis of a row-major array of this shape.
  var rowMajorStrides: [Int] {
    var result = self
    var stride = 1
    for axis in indices.reversed() {
      result[axis] = stride
      stride *= self[axis]
    }
    return result
  }

  /// The positions of an array of this shape, first axis slowest, in memory where neighbours along
  /// an axis lie `strides[axis]` apart; a stride of 0 repeats.
  func positions(strides: [Int]) -> [Int] {
    Self.positions(
      alongAxes: zip(self, strides).map { extent, stride in
        (0..<extent).map { $0 * stride }
      })
  }

  /// Every sum of one offset of each axis, first axis slowest: linear in their number.
  static func positions(alongAxes offsets: [[Int]]) -> [Int] {
    var result = [0]
    for axis in offsets {
      var longer: [Int] = []
      longer.reserveCapacity(result.count * axis.count)
      for position in result {
        for offset in axis { longer.append(position + offset) }
      }
      result = longer
    }
    return result
  }

  /// Strides that read an array of this shape as if it were broadcast to `shape`: axes aligned at
  /// the last, extents of 1 repeated.
  func strides(broadcastTo shape: [Int]) -> [Int] {
    let missing = shape.count - count
    let own = zip(self, rowMajorStrides).map { extent, stride in extent == 1 ? 0 : stride }
    return [Int](repeating: 0, count: missing) + own
  }

  /// The shape of arrays of two shapes together, axes aligned at the last, extents of 1 repeated.
  func broadcast(with other: [Int]) -> [Int] {
    let rank = Swift.max(count, other.count)
    let (a, b) = (aligned(to: rank), other.aligned(to: rank))
    return zip(a, b).map { $0 == 1 ? $1 : $0 }
  }

  private func aligned(to rank: Int) -> [Int] {
    [Int](repeating: 1, count: rank - count) + self
  }
}
