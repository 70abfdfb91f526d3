/// The filter that an image is resized with.
enum Interpolation: String, CaseIterable, Sendable {
  case bilinear, bicubic

  /// How far the filter reaches from its centre, in input pixels where nothing is shrunk.
  var support: Double {
    switch self {
    case .bilinear: 1
    case .bicubic: 2
    }
  }

  /// The filter's weight at a distance from its centre.
  func weight(_ distance: Double) -> Double {
    let x = abs(distance)
    switch self {
    case .bilinear: return x < 1 ? 1 - x : 0
    case .bicubic:
      // Keys' cubic with a = −0.5.
      if x < 1 { return (1.5 * x - 2.5) * x * x + 1 }
      return x < 2 ? (((x - 5) * x + 8) * x - 4) * -0.5 : 0
    }
  }
}

/// For some output pixels along one axis: which input pixels each is a sum of, and their weights.
///
/// Where an image shrinks, the filter is as much wider, so that every input pixel counts. Weights
/// are whole numbers in units of 2⁻²², and sums are rounded once.
///
/// Reference: Pillow, src/libImaging/Resample.c, `precompute_coeffs` and `normalize_coeffs_8bpc`.
struct ResamplingWeights {
  /// 32 bits less 8 of a pixel, less 2 for sums of weights above 1.
  static let precision: Int32 = 22
  /// A half, where sums start.
  static let half: Int32 = 1 << (precision - 1)

  /// The first input pixel of each output pixel.
  private(set) var starts: [Int] = []
  /// Where each output pixel's weights begin in ``weights``; one more at the end.
  private(set) var offsets = [0]
  private(set) var weights: [Int32] = []

  /// - Parameter window: The output pixels that are wanted, within 0..<output.
  init(from input: Int, to output: Int, _ interpolation: Interpolation, window: Range<Int>) {
    let scale = Double(input) / Double(output)
    let filterScale = max(scale, 1)
    let support = interpolation.support * filterScale
    let step = 1 / filterScale
    for pixel in window {
      let centre = (Double(pixel) + 0.5) * scale
      // Truncated, not floored, as Pillow's conversion to int is.
      let start = max(Int(centre - support + 0.5), 0)
      let end = min(Int(centre + support + 0.5), input)
      let raw = (start..<end).map {
        interpolation.weight((Double($0) - centre + 0.5) * step)
      }
      let sum = raw.reduce(0, +)
      starts.append(start)
      weights += raw.map { Self.fixed(sum == 0 ? $0 : $0 / sum) }
      offsets.append(weights.count)
    }
  }

  private static func fixed(_ weight: Double) -> Int32 {
    let scaled = weight * Double(1 << Self.precision)
    return Int32(weight < 0 ? scaled - 0.5 : scaled + 0.5)
  }

  /// The input pixels that any output pixel needs.
  var reach: Range<Int> {
    let ends = starts.indices.map { starts[$0] + offsets[$0 + 1] - offsets[$0] }
    return (starts.min() ?? 0)..<(ends.max() ?? 0)
  }
}
