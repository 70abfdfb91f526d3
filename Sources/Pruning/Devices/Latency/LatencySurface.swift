/// A measured quantity of one shape of layer at any channels, in whole numbers.
public struct LatencySurface: Sendable, Hashable, Codable {
  /// How a value is known.
  public enum Source: String, Sendable, Hashable, Codable, Comparable {
    case measured
    /// Between measured widths, or not above a wider layer's.
    case interpolated
    /// From peak rates.
    case estimated

    private var rank: Int { self == .measured ? 0 : self == .interpolated ? 1 : 2 }

    public static func < (a: Source, b: Source) -> Bool { a.rank < b.rank }
  }

  /// Distinct channels read and written, ascending.
  private let inputs: [Int]
  private let outputs: [Int]
  /// Row by row; negative where nothing was measured.
  private let values: [Int64]
  /// Whether all points have as many channels read as written.
  private let isDiagonal: Bool

  /// - Parameter points: At most one for each pair of channels; values at least 0.
  public init(_ points: [(input: Int, output: Int, value: Double)]) {
    inputs = Set(points.map(\.input)).sorted()
    outputs = Set(points.map(\.output)).sorted()
    isDiagonal = points.allSatisfy { $0.input == $0.output }
    let rows = Dictionary(uniqueKeysWithValues: inputs.enumerated().map { ($1, $0) })
    let columns = Dictionary(uniqueKeysWithValues: outputs.enumerated().map { ($1, $0) })
    var values = [Int64](repeating: -1, count: inputs.count * outputs.count)
    for point in points {
      guard let row = rows[point.input], let column = columns[point.output] else { continue }
      // Rounded up: a plan that fits the whole numbers fits the measurements.
      values[row * outputs.count + column] = Int64(min(point.value, 1e15).rounded(.up))
    }
    self.values = values
  }

  /// The value for x channels read and y written; nil where the points say nothing about it.
  ///
  /// Measured where there is a point; linear between the points around it; elsewhere that of the
  /// cheapest measured layer that is at least as wide in both, if there is one.
  public func value(input x: Int, output y: Int) -> (value: Int64, source: Source)? {
    guard let row = Self.bracket(x, inputs), let column = Self.bracket(y, outputs) else {
      return nil
    }
    if inputs[row.lower] == x, outputs[column.lower] == y,
      let exact = self[row.lower, column.lower]
    {
      return (exact, .measured)
    }
    let between = isDiagonal ? alongDiagonal(x, y, row) : bilinear(x, y, row, column)
    return (between ?? wider(from: row.upper, column.upper)).map { ($0, .interpolated) }
  }

  private subscript(row: Int, column: Int) -> Int64? {
    let value = values[row * outputs.count + column]
    return value < 0 ? nil : value
  }

  /// The places of the measured channels around some: equal where measured, or below the least;
  /// nil above the greatest.
  private static func bracket(_ channels: Int, _ known: [Int]) -> (lower: Int, upper: Int)? {
    guard let last = known.last, channels <= last else { return nil }
    var (low, high) = (0, known.count - 1)
    while low < high {
      let middle = (low + high) / 2
      if known[middle] < channels { low = middle + 1 } else { high = middle }
    }
    return known[low] == channels || low == 0 ? (low, low) : (low - 1, low)
  }

  private func alongDiagonal(_ x: Int, _ y: Int, _ row: (lower: Int, upper: Int)) -> Int64? {
    guard x == y, row.lower < row.upper, let low = self[row.lower, row.lower],
      let high = self[row.upper, row.upper]
    else { return nil }
    return Self.rounded(
      Double(low) + Self.share(x, row, inputs) * Double(high - low))
  }

  private func bilinear(
    _ x: Int, _ y: Int, _ row: (lower: Int, upper: Int), _ column: (lower: Int, upper: Int)
  ) -> Int64? {
    // Below the least measured channels nothing is around.
    guard x >= inputs[row.lower], y >= outputs[column.lower],
      let a = self[row.lower, column.lower], let b = self[row.lower, column.upper],
      let c = self[row.upper, column.lower], let d = self[row.upper, column.upper]
    else { return nil }
    let (s, t) = (Self.share(x, row, inputs), Self.share(y, column, outputs))
    let low = Double(a) + t * Double(b - a)
    let high = Double(c) + t * Double(d - c)
    return Self.rounded(low + s * (high - low))
  }

  private static func share(_ channels: Int, _ place: (lower: Int, upper: Int), _ known: [Int])
    -> Double
  {
    let (low, high) = (known[place.lower], known[place.upper])
    return low == high ? 0 : Double(channels - low) / Double(high - low)
  }

  private static func rounded(_ value: Double) -> Int64 { Int64((value - 1e-6).rounded(.up)) }

  private func wider(from row: Int, _ column: Int) -> Int64? {
    var least: Int64?
    for i in row..<inputs.count {
      for j in column..<outputs.count {
        if let value = self[i, j] { least = min(least ?? value, value) }
      }
    }
    return least
  }
}

extension LatencyTable {
  /// The times of a shape, in nanoseconds; nil for a shape that was not measured.
  public func times(_ shape: String) -> LatencySurface? {
    layer(shape).map { layer in
      LatencySurface(layer.points.map { ($0.input, $0.output, $0.nanoseconds) })
    }
  }

  /// The energies of a shape, in nanojoules; nil for a shape of which one is missing.
  public func energies(_ shape: String) -> LatencySurface? {
    guard let layer = layer(shape), layer.points.allSatisfy({ $0.nanojoules != nil }) else {
      return nil
    }
    return LatencySurface(layer.points.map { ($0.input, $0.output, $0.nanojoules ?? 0) })
  }
}
