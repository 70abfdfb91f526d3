/// Normalises rows of a row-major array by their own mean and variance:
/// y = scale · (x − mean) / √(variance + ε) + shift.
///
/// A row is what shares its statistics: a channel of an image, a group of channels, or the axes of
/// a layer. It consists of segments with one scale and shift each.
struct RowNormalization {
  var rows: Int
  var segmentsPerRow: Int
  /// Elements in a segment.
  var segment: Int
  var epsilon: Float
  /// By segment, over again from the first after the last.
  var scales: [Float]
  var shifts: [Float]

  /// - Parameter destination: May be the source.
  func run(from source: UnsafePointer<Float>, to destination: UnsafeMutablePointer<Float>) {
    let length = segmentsPerRow * segment
    for row in 0..<rows {
      let x = source + row * length
      let y = destination + row * length
      let mean = Float(sum(x, length) { $0 } / Double(length))
      let variance = sum(x, length) { ($0 - mean) * ($0 - mean) } / Double(length)
      let factor = Float(1 / (variance + Double(epsilon)).squareRoot())
      if segment == 1 {
        normalizeElements(x, y, row * segmentsPerRow % scales.count, mean, factor)
        continue
      }
      for part in 0..<segmentsPerRow {
        let parameter = (row * segmentsPerRow + part) % scales.count
        let (scale, shift) = (scales[parameter] * factor, shifts[parameter])
        for place in part * segment..<(part + 1) * segment {
          y[place] = (x[place] - mean) * scale + shift
        }
      }
    }
  }

  /// A row with parameters of its own for every element.
  private func normalizeElements(
    _ x: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>, _ first: Int, _ mean: Float,
    _ factor: Float
  ) {
    scales.withUnsafeBufferPointer { scales in
      shifts.withUnsafeBufferPointer { shifts in
        var parameter = first
        for place in 0..<segmentsPerRow {
          y[place] = (x[place] - mean) * factor * scales[parameter] + shifts[parameter]
          parameter = parameter + 1 == scales.count ? 0 : parameter + 1
        }
      }
    }
  }

  /// Σ term(x): sixteen sums side by side in runs of 1,024, which are added up in `Double`.
  @inline(__always)
  private func sum(
    _ x: UnsafePointer<Float>, _ count: Int, _ term: (SIMD16<Float>) -> SIMD16<Float>
  ) -> Double {
    var total = 0.0
    var place = 0
    while place + 16 <= count {
      var sums = SIMD16<Float>.zero
      let end = min(count - 15, place + 1024)
      while place < end {
        let vector = UnsafeRawPointer(x + place).loadUnaligned(as: SIMD16<Float>.self)
        sums += term(vector)
        place += 16
      }
      total += Double(sums.sum())
    }
    while place < count {
      total += Double(term(SIMD16(repeating: x[place]))[0])
      place += 1
    }
    return total
  }
}
