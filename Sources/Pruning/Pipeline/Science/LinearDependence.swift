import LinearAlgebra
import Tensors

/// A centred linear kernel matrix, for comparing a few features on a few images.
///
///     nHSIC(X, Y) = ⟨K, L⟩ / (‖K‖ ‖L‖)      K = C X Xᵀ C
struct LinearDependence: Sendable {
  private let kernel: Matrix
  private let norm: Double

  /// - Parameter features: `[n, …]`.
  init(_ features: Tensor) {
    let samples = features.shape.first ?? 0
    let size = features.count / max(samples, 1)
    var kernel = Matrix(rows: samples, columns: samples)
    // In parts, because features may be many times larger than the kernel.
    let part = 1 << 14
    for start in stride(from: 0, to: size, by: part) {
      let count = min(part, size - start)
      var block = Matrix(rows: samples, columns: count)
      for column in 0..<count {
        var mean = 0.0
        for row in 0..<samples {
          let value = Double(features.elements[row * size + start + column])
          block.elements[row * count + column] = value
          mean += value
        }
        mean /= Double(samples)
        for row in 0..<samples { block.elements[row * count + column] -= mean }
      }
      kernel.addUpperGram(of: block, .rows)
    }
    kernel.mirrorUpperTriangle()
    self.kernel = kernel
    norm = kernel.elements.reduce(0) { $0 + $1 * $1 }.squareRoot()
  }

  /// nHSIC, 0…1; 0 where one of them does not vary.
  func normalised(with other: LinearDependence) -> Double {
    guard norm > 0, other.norm > 0 else { return 0 }
    let product = zip(kernel.elements, other.kernel.elements).reduce(0) { $0 + $1.0 * $1.1 }
    return product / (norm * other.norm)
  }
}
