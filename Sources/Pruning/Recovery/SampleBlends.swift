import Solvers
import Tensors

/// Calibration samples, and after them blends of two of them each: more than there are, for a fit of
/// many parameters at once.
///
///     x = s · x_a + (1 − s) · x_b        ½ ≤ s < 1
///
/// No label is blended, as mixup does (Zhang et al., ICLR 2018): what the dense network makes of a
/// blend is the target.
public struct SampleBlends: Sendable {
  /// By input of a network: all samples.
  private let inputs: [Tensor]
  /// Samples themselves.
  public let samples: Int
  /// Samples and blends.
  public let count: Int

  /// - Parameters:
  ///   - chunks: Samples, `[n, …]` for each input of a network.
  ///   - passes: How often every sample is met: once as it is, then as the greater part of a blend.
  public init(_ chunks: [[Tensor]], passes: Int) {
    inputs = (chunks.first ?? []).indices.map { input in
      Tensor(joining: chunks.map { $0[input] })
    }
    samples = inputs.first?.shape.first ?? 0
    count = samples * passes
  }

  /// Consecutive samples or blends, one tensor for each input.
  public func tensors(_ range: Range<Int>) -> [Tensor] {
    inputs.map { input in
      let size = input.count / max(samples, 1)
      var elements: [Float] = []
      elements.reserveCapacity(range.count * size)
      for place in range {
        let first = place % samples * size
        let own = input.elements[first..<first + size]
        guard place >= samples else {
          elements += own
          continue
        }
        // The same for every input, thread and machine.
        var generator = SplitMix64(seed: UInt64(place))
        let second = Int.random(in: 0..<samples, using: &generator) * size
        let share = Float.random(in: 0.5..<1, using: &generator)
        elements += zip(own, input.elements[second..<second + size]).lazy.map {
          share * $0 + (1 - share) * $1
        }
      }
      return Tensor(shape: [range.count] + input.shape.dropFirst(), elements: elements)
    }
  }
}
