/// Reduces the middle axis of a row-major array `[outer, count, inner]`.
struct AxisReduction {
  enum Combination {
    case sum, maximum, minimum, product
  }
  /// What is done to elements before they are combined.
  enum Term {
    case value, absolute, square
  }

  var outer: Int
  var count: Int
  var inner: Int
  var combination: Combination
  var term: Term

  func run(from source: UnsafePointer<Float>, to destination: UnsafeMutablePointer<Float>) {
    switch term {
    case .value: combine(source, destination) { $0 }
    case .absolute: combine(source, destination) { abs($0) }
    case .square: combine(source, destination) { $0 * $0 }
    }
  }

  @inline(__always)
  private func combine(
    _ source: UnsafePointer<Float>, _ destination: UnsafeMutablePointer<Float>,
    _ term: (Float) -> Float
  ) {
    switch combination {
    case .sum: accumulate(source, destination, term) { $0 + $1 }
    case .product: accumulate(source, destination, term) { $0 * $1 }
    case .maximum: accumulate(source, destination, term) { $0 < $1 ? $1 : $0 }
    case .minimum: accumulate(source, destination, term) { $1 < $0 ? $1 : $0 }
    }
  }

  /// Combines line after line; where a line is one element, sixteen neighbours are a line.
  @inline(__always)
  private func accumulate(
    _ source: UnsafePointer<Float>, _ destination: UnsafeMutablePointer<Float>,
    _ term: (Float) -> Float, _ join: (Float, Float) -> Float
  ) {
    for block in 0..<outer {
      let x = source + block * count * inner
      let y = destination + block * inner
      if inner > 1 || count < Self.lanes {
        lines(x, y, count, inner, term, join)
        continue
      }
      withUnsafeTemporaryAllocation(of: Float.self, capacity: Self.lanes) { partial in
        guard let base = partial.baseAddress else { return }
        lines(x, base, count / Self.lanes, Self.lanes, term, join)
        y[0] = partial.dropFirst().reduce(partial[0], join)
        for place in count / Self.lanes * Self.lanes..<count { y[0] = join(y[0], term(x[place])) }
      }
    }
  }

  @inline(__always)
  private func lines(
    _ x: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>, _ count: Int, _ length: Int,
    _ term: (Float) -> Float, _ join: (Float, Float) -> Float
  ) {
    for column in 0..<length { y[column] = term(x[column]) }
    for row in 1..<max(1, count) {
      let line = x + row * length
      for column in 0..<length { y[column] = join(y[column], term(line[column])) }
    }
  }

  private static let lanes = 16
}
