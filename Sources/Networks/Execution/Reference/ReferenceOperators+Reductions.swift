import Foundation
import NetworkGraph
import Tensors

extension ReferenceOperators {
  /// The mean over axes.
  public static func reduceMean(_ operation: Reduction, _ x: Tensor) -> Tensor {
    let kept = x.shape.enumerated().map { operation.axes.contains($0) ? 1 : $1 }
    var sums = [Double](repeating: 0, count: kept.elementCount)
    for position in 0..<x.count {
      var at = x.shape.coordinates(of: position)
      for axis in operation.axes { at[axis] = 0 }
      sums[kept.position(of: at)] += Double(x.elements[position])
    }
    let count = Double(x.count / kept.elementCount)
    let shape =
      operation.keepsAxes
      ? kept : x.shape.indices.filter { !operation.axes.contains($0) }.map { x.shape[$0] }
    return Tensor(shape: shape, elements: sums.map { Float($0 / count) })
  }

  /// y[n, m] = alpha · Σ_k x[n, k] · W[k, m] + beta · bias[m].
  public static func gemm(_ operation: Gemm, _ x: Tensor, weight: Tensor, bias: Tensor?) -> Tensor {
    let (images, depth) = (x.shape[0], x.shape[1])
    let outputs = weight.shape[operation.transposesWeight ? 0 : 1]
    var result: [Float] = []
    for image in 0..<images {
      for output in 0..<outputs {
        var sum = 0.0
        for k in 0..<depth {
          let place = operation.transposesWeight ? output * depth + k : k * outputs + output
          sum += Double(x.elements[image * depth + k]) * Double(weight.elements[place])
        }
        sum *= Double(operation.alpha)
        if let bias {
          sum += Double(operation.beta) * Double(bias.elements[bias.count == 1 ? 0 : output])
        }
        result.append(Float(sum))
      }
    }
    return Tensor(shape: [images, outputs], elements: result)
  }

  /// exp(x − max) / Σ exp(x − max) along one axis.
  public static func softmax(_ operation: Softmax, _ x: Tensor) -> Tensor {
    let extent = x.shape[operation.axis]
    let inner = x.shape[(operation.axis + 1)...].reduce(1, *)
    var result = x.elements
    for line in 0..<x.count / extent {
      let start = line / inner * extent * inner + line % inner
      let places = (0..<extent).map { start + $0 * inner }
      let greatest = places.map { x.elements[$0] }.max() ?? 0
      let powers = places.map { exp(Double(x.elements[$0]) - Double(greatest)) }
      let sum = powers.reduce(0, +)
      for (place, power) in zip(places, powers) { result[place] = Float(power / sum) }
    }
    return Tensor(shape: x.shape, elements: result)
  }
}
