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
  /// By input of a network: all samples.
  private let inputs: [Tensor]
  private let isBlended: Bool
  public let samples: Int

  /// - Parameters:
  ///   - chunks: Samples, `[n, …]` for each input of a network.
  ///   - isBlended: False where numbers do not mean an amount: then there are samples alone.
  public init(_ chunks: [[Tensor]], isBlended: Bool) {
    inputs = (chunks.first ?? []).indices.map { input in
      Tensor(joining: chunks.map { $0[input] })
    }
    samples = inputs.first?.shape.first ?? 0
    self.isBlended = isBlended
  }

  /// Some of an endless row of random samples, one tensor for each input: of every four the first is
  /// a sample as it is, the others are blends.
  public func tensors(_ range: Range<Int>) -> [Tensor] {
    inputs.map { input in
      let size = input.count / max(samples, 1)
      var elements: [Float] = []
      elements.reserveCapacity(range.count * size)
      for place in range {
        // The same for every input, thread and machine.
        var generator = SplitMix64(seed: UInt64(place))
        func sample() -> ArraySlice<Float> {
          let start = Int.random(in: 0..<samples, using: &generator) * size
          return input.elements[start..<start + size]
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
      return Tensor(shape: [range.count] + input.shape.dropFirst(), elements: elements)
    }
  }
}
