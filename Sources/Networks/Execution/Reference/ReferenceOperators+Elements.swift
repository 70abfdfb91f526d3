import Foundation
import NetworkGraph
import Tensors

extension ReferenceOperators {
  /// An elementwise function.
  public static func activation(_ operation: Activation, _ x: Tensor) -> Tensor {
    let function: (Double) -> Double =
      switch operation {
      case .relu: { max($0, 0) }
      case .clip(let low, let high): { min(max($0, Double(low)), Double(high)) }
      case .leakyRelu(let alpha): { $0 < 0 ? Double(alpha) * $0 : $0 }
      case .sigmoid: { 1 / (1 + exp(-$0)) }
      case .tanh: { Foundation.tanh($0) }
      case .hardSigmoid(let alpha, let beta): { max(0, min(1, Double(alpha) * $0 + Double(beta))) }
      case .hardSwish: { $0 * max(0, min(1, $0 / 6 + 0.5)) }
      default: { $0 }
      }
    return Tensor(shape: x.shape, elements: x.elements.map { Float(function(Double($0))) })
  }

  /// a + b, axes aligned from the last; an extent of 1 repeats.
  public static func add(_ a: Tensor, _ b: Tensor) -> Tensor {
    if a.shape == b.shape {
      return Tensor(shape: a.shape, elements: zip(a.elements, b.elements).map { $0 + $1 })
    }
    let rank = max(a.rank, b.rank)
    let shapeA = Array(repeating: 1, count: rank - a.rank) + a.shape
    let shapeB = Array(repeating: 1, count: rank - b.rank) + b.shape
    let shape = zip(shapeA, shapeB).map { max($0, $1) }
    let elements = (0..<shape.elementCount).map { position -> Float in
      let at = shape.coordinates(of: position)
      let atA = zip(at, shapeA).map { $1 == 1 ? 0 : $0 }
      let atB = zip(at, shapeB).map { $1 == 1 ? 0 : $0 }
      return a.elements[shapeA.position(of: atA)] + b.elements[shapeB.position(of: atB)]
    }
    return Tensor(shape: shape, elements: elements)
  }

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
      let deviation = sqrt(Double(variance.elements[channel]) + Double(operation.epsilon))
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
    func average(_ channel: Int, _ term: (Double) -> Double) -> Double {
      var sum = 0.0
      for image in 0..<images {
        let start = (image * channels + channel) * area
        for place in start..<start + area { sum += term(Double(x.elements[place])) }
      }
      return sum / Double(images * area)
    }
    var statistics = ExecutionResult.ChannelStatistics(mean: [], variance: [])
    for channel in 0..<channels {
      let mean = average(channel) { $0 }
      statistics.mean.append(Float(mean))
      statistics.variance.append(Float(average(channel) { ($0 - mean) * ($0 - mean) }))
    }
    return statistics
  }
}
