import Foundation
import NetworkGraph
import Tensors

extension ReferenceOperators {
  /// y = scale · (x − mean) / √(variance + ε) + shift, per channel.
  public static func batchNormalization(
    _ operation: BatchNormalization, _ x: Tensor, scale: Tensor, shift: Tensor, mean: Tensor,
    variance: Tensor
  ) -> Tensor {
    let channels = x.shape[1]
    let area = x.shape[2...].reduce(1, *)
    var result = x.elements
    for plane in 0..<x.shape[0] * channels {
      let channel = plane % channels
      let deviation = (Double(variance.elements[channel]) + Double(operation.epsilon)).squareRoot()
      let factor = Double(scale.elements[channel]) / deviation
      for place in plane * area..<(plane + 1) * area {
        let centred = Double(result[place]) - Double(mean.elements[channel])
        result[place] = Float(centred * factor + Double(shift.elements[channel]))
      }
    }
    return Tensor(shape: x.shape, elements: result)
  }

  /// The mean and biased variance of every channel of x `[N, C, …]`.
  public static func channelStatistics(_ x: Tensor) -> ExecutionResult.ChannelStatistics {
    let (images, channels) = (x.shape[0], x.shape[1])
    let area = x.shape[2...].reduce(1, *)
    var statistics = ExecutionResult.ChannelStatistics(mean: [], variance: [])
    for channel in 0..<channels {
      let starts = (0..<images).map { ($0 * channels + channel) * area }
      let moments = Moments(of: starts.lazy.flatMap { x.elements[$0..<$0 + area] })
      statistics.mean.append(Float(moments.mean))
      statistics.variance.append(Float(moments.variance))
    }
    return statistics
  }

  /// y = scale · (x − mean) / √(variance + ε) + shift, with the statistics of x itself.
  ///
  /// Places that do not count (see ``Normalization/counted``) are normalised like the others but
  /// have no part in the statistics; where no place counts, all do.
  public static func normalization(
    _ operation: Normalization, _ x: Tensor, scale: Tensor?, shift: Tensor?
  ) -> Tensor {
    // The places a mean is taken over lie in one row: all of the axes from `first` on, or those of
    // some channels.
    let (first, blocks) =
      switch operation.extent {
      case .layer(let axis): (axis, 1)
      case .instance: (1, x.shape[1])
      case .group(let groups): (1, groups)
      }
    let row = Array(x.shape[first...])
    let size = row.elementCount / blocks
    let scale = parameter(scale ?? Tensor(shape: [], repeating: 1), of: operation, row: row)
    let shift = parameter(shift ?? Tensor(shape: []), of: operation, row: row)
    let counts = countedPlaces(row, firstAxis: first, operation.counted)
    var result = x.elements
    for block in 0..<blocks {
      let places = block * size..<(block + 1) * size
      let counted = places.filter { counts[$0] }
      let statistical = counted.isEmpty ? Array(places) : counted
      for start in stride(from: 0, to: x.count, by: row.elementCount) {
        let moments = Moments(of: statistical.lazy.map { x.elements[start + $0] })
        let factor = 1 / (moments.variance + Double(operation.epsilon)).squareRoot()
        for place in places {
          let normalised = (Double(x.elements[start + place]) - moments.mean) * factor
          result[start + place] = Float(
            normalised * Double(scale.elements[place]) + Double(shift.elements[place]))
        }
      }
    }
    return Tensor(shape: x.shape, elements: result)
  }

  /// Scale or shift at every place of a row: `[C]`, or what broadcasts to a layer's axes.
  private static func parameter(
    _ tensor: Tensor, of operation: Normalization, row: [Int]
  ) -> Tensor {
    if case .layer = operation.extent { return expand(tensor, to: row) }
    let ones = [Int](repeating: 1, count: row.count - 1)
    return expand(tensor.reshaped([tensor.count] + ones), to: row)
  }

  /// For every place of the axes from `firstAxis` on, whether it enters the statistics.
  private static func countedPlaces(
    _ shape: [Int], firstAxis: Int, _ counted: [Int: [Int]]
  ) -> [Bool] {
    let strides = shape.rowMajorStrides
    let places = [Int].positions(
      alongAxes: shape.indices.map { axis in
        (counted[axis + firstAxis] ?? Array(0..<shape[axis])).map { $0 * strides[axis] }
      })
    var result = [Bool](repeating: false, count: shape.elementCount)
    for place in places { result[place] = true }
    return result
  }

  /// y = x / (bias + alpha / size · Σ x²)^beta over `size` channels around each.
  ///
  /// An even window reaches one channel further after than before.
  public static func localResponseNormalization(
    _ operation: LocalResponseNormalization, _ x: Tensor
  ) -> Tensor {
    let channels = x.shape[1]
    let area = x.shape[2...].reduce(1, *)
    let before = (operation.size - 1) / 2
    let after = operation.size - 1 - before
    var result = x.elements
    for place in 0..<x.count {
      let channel = place / area % channels
      var sum = 0.0
      for other in max(0, channel - before)...min(channels - 1, channel + after) {
        let element = Double(x.elements[place + (other - channel) * area])
        sum += element * element
      }
      let base = Double(operation.bias) + Double(operation.alpha) / Double(operation.size) * sum
      result[place] = Float(Double(x.elements[place]) / pow(base, Double(operation.beta)))
    }
    return Tensor(shape: x.shape, elements: result)
  }
}

/// Mean and biased variance.
private struct Moments {
  var mean: Double
  var variance: Double

  init(of values: some Sequence<Float>) {
    var (sum, count) = (0.0, 0.0)
    for value in values {
      sum += Double(value)
      count += 1
    }
    mean = sum / count
    var squares = 0.0
    for value in values { squares += (Double(value) - mean) * (Double(value) - mean) }
    variance = squares / count
  }
}
