import Solvers
import Tensors

/// Calibration samples and blends of two of them, in any number: a fit of many parameters at once
/// needs more of them than there are.
///
///     x = s · x_a + (1 − s) · x_b        ½ ≤ s < 1
///
/// No label is blended, as mixup does (Zhang et al., ICLR 2018): what the dense network makes of a
/// blend is the target.
public struct SampleBlends: Sendable {
  /// How many there are to choose from.
  public let samples: Int

  private let chunks: [[Tensor]]
  /// By sample: its chunk, and its place there.
  private let places: [(chunk: Int, place: Int)]
  private let isBlended: Bool

  /// - Parameters:
  ///   - chunks: Samples, `[n, …]` for each input of a network.
  ///   - isBlended: False where numbers do not mean an amount: then there are samples alone.
  public init(_ chunks: [[Tensor]], isBlended: Bool) {
    self.chunks = chunks
    places = chunks.enumerated().flatMap { chunk, inputs in
      (0..<(inputs.first?.shape.first ?? 0)).map { (chunk, $0) }
    }
    samples = places.count
    self.isBlended = isBlended
  }

  /// Some of an endless row of random samples, `[range.count, …]` for each input: of every four the
  /// first is a sample as it is, the others are blends.
  ///
  /// - Precondition: There are samples, and the range begins at 0 or later.
  public func tensors(_ range: Range<Int>) -> [Tensor] {
    precondition(samples > 0 && range.lowerBound >= 0, "\(range) of \(samples) samples")
    return chunks[places[0].chunk].indices.map { input in
      let shape = chunks[places[0].chunk][input].shape.dropFirst()
      let size = shape.reduce(1, *)
      var elements: [Float] = []
      elements.reserveCapacity(range.count * size)
      for place in range {
        // The same for every input, thread and machine.
        var generator = SplitMix64(seed: UInt64(place))
        func sample() -> ArraySlice<Float> {
          let (chunk, place) = places[Int.random(in: 0..<samples, using: &generator)]
          return chunks[chunk][input].elements[place * size..<(place + 1) * size]
        }
        let own = sample()
        guard isBlended, place % 4 != 0 else {
          elements += own
          continue
        }
        let other = sample()
        let share = Float.random(in: 0.5..<1, using: &generator)
        elements += zip(own, other).lazy.map { share * $0 + (1 - share) * $1 }
      }
      return Tensor(shape: [range.count] + shape, elements: elements)
    }
  }
}
