import LinearAlgebra
import Solvers
import Tensors

/// How much changes of a layer's outputs count at the network's end: Σ δ δᵀ over positions and
/// samples, δ being what random signs at the end are at the layer.
///
/// Its expectation is Σ Jᵀ J, with J the derivative of the end by the layer's output. Together with
/// ``InputCurvature`` it is the curvature of a layer's weights, as a Kronecker product.
///
/// Reference: Martens & Grosse, "Optimizing Neural Networks with Kronecker-factored Approximate
/// Curvature", ICML 2015.
public struct OutputMoments: Sendable {
  private var product: [Float]
  private var sums: Matrix

  public init(outputs: Int) {
    product = [Float](repeating: 0, count: outputs * outputs)
    sums = Matrix(rows: outputs, columns: outputs)
  }

  /// Adds samples.
  ///
  /// - Parameter map: δ, `[n, O, …]`.
  public mutating func add(_ map: Tensor) {
    let (samples, outputs) = (map.shape[0], map.shape[1])
    let positions = map.count / max(samples * outputs, 1)
    for sample in 0..<samples {
      let rows = Array(
        map.elements[sample * outputs * positions..<(sample + 1) * outputs * positions])
      FloatProducts.addUpperGram(
        rows: rows, inner: positions, stride: positions, m: outputs, accumulate: sample > 0,
        into: &product)
    }
    for place in product.indices { sums.elements[place] += Double(product[place]) }
  }

  /// The moments of everything added here and there.
  public mutating func add(_ other: OutputMoments) {
    for place in sums.elements.indices { sums.elements[place] += other.sums.elements[place] }
  }

  /// Σ δ δᵀ, with both triangles.
  public var matrix: Matrix {
    var matrix = sums
    matrix.mirrorUpperTriangle()
    return matrix
  }

  /// Random signs, the same for every machine.
  public static func signs(like tensor: Tensor, seed: Int) -> Tensor {
    var generator = SplitMix64(seed: UInt64(seed))
    return Tensor(
      shape: tensor.shape,
      elements: tensor.elements.map { _ in Bool.random(using: &generator) ? 1 : -1 })
  }
}
