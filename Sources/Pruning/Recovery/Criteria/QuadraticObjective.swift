import LinearAlgebra
import Tensors

/// What is lost when a set of units goes and nothing makes up for it, as a quadratic form.
///
///     E(u) = uᵀ Q u,   Q_ij = mean over readers of tr(W_i H_ij W_jᵀ) / tr(W H Wᵀ)
///
/// with u the indicator of the units that go, and the columns of W and blocks of H that belong to
/// them. Exact for linear readers: relative to their outputs' power, about the mean where a constant
/// is absorbed. Q is positive semidefinite.
///
/// Reference: the two-step fitness of Hu et al., arXiv 1805.11394, as worked out for this project;
/// the abstract alone could be read.
public struct QuadraticObjective: Sendable {
  /// Q, `[units, units]`.
  public let matrix: Matrix

  /// - Throws: ``RecoveryError`` with `shapeMismatch`, naming the layer.
  public init(_ consumers: [ReconstructionConsumer], units: Int) throws {
    var matrix = Matrix(rows: units, columns: units)
    for consumer in consumers {
      try consumer.check(units: units)
      let h = consumer.gram.matrix(centred: consumer.centred)
      let w = Matrix(
        rows: consumer.outputs, columns: h.columns, elements: consumer.weights.elements)
      var products = Matrix(rows: h.rows, columns: h.columns)
      products.addUpperGram(of: w)
      products.mirrorUpperTriangle()
      var energy = 0.0
      for place in h.elements.indices { energy += h.elements[place] * products.elements[place] }
      // A reader without output has nothing to lose.
      guard energy > 0 else { continue }
      let scale = 1 / (energy * Double(consumers.count))
      for (i, rows) in consumer.unitColumns.enumerated() {
        for j in 0...i {
          var sum = 0.0
          for row in rows {
            for column in consumer.unitColumns[j] {
              sum += h[row, column] * products[row, column]
            }
          }
          matrix[i, j] += scale * sum
          if j < i { matrix[j, i] = matrix[i, j] }
        }
      }
    }
    self.matrix = matrix
  }
}
