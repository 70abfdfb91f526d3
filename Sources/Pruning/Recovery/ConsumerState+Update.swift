import LinearAlgebra
import Tensors

extension ConsumerState {
  /// The exact least-squares weights without `units`.
  ///
  ///     W'_K = (W H)_{:,K} H_KK⁻¹
  func update(removing units: [Int]) throws -> ConsumerUpdate {
    let kept = keptColumns(removing: units)
    let (outputs, columns) = (consumer.outputs, consumer.gram.columns)
    let given = consumer.weights.elements
    guard kept.count < columns else {
      return ConsumerUpdate(
        outputs: outputs, columns: columns, keptColumns: kept, compactWeights: given,
        meanShift: Array(repeating: 0, count: outputs), relativeError: 0)
    }
    var (_, weights) = try solution(on: kept)
    let error = relativeError(weights, kept: kept)
    // A dead column was no part of the fit; while it is kept it keeps its weight.
    for (index, column) in kept.enumerated() where dead.contains(column) {
      for row in 0..<outputs { weights[row, index] = Double(given[row * columns + column]) }
    }
    let compact = weights.elements.map(Float.init)
    var update = ConsumerUpdate(
      outputs: outputs, columns: columns, keptColumns: kept, compactWeights: compact,
      meanShift: Array(repeating: 0, count: outputs), relativeError: error)
    if consumer.centred { update.meanShift = meanShift(of: update) }
    return update
  }

  /// (W − W') μ, with W' as it is rounded.
  private func meanShift(of update: ConsumerUpdate) -> [Double] {
    let (mean, columns) = (consumer.gram.mean, consumer.gram.columns)
    let dense = update.denseWeights
    return (0..<consumer.outputs).map { row in
      (0..<columns).reduce(0) { sum, column in
        let index = row * columns + column
        return sum
          + (Double(consumer.weights.elements[index]) - Double(dense[index])) * mean[column]
      }
    }
  }

  /// ‖(W − W') U‖² / ‖W U‖², without the damping.
  private func relativeError(_ weights: Matrix, kept: [Int]) -> Double {
    var difference = original
    for (index, column) in kept.enumerated() {
      for row in 0..<difference.rows { difference[row, column] -= weights[row, index] }
    }
    let loss = undampedEnergy(difference, product: difference * hessian)
    let whole = undampedEnergy(original, product: target)
    return whole > 0 ? max(loss, 0) / whole : 0
  }

  private func undampedEnergy(_ w: Matrix, product: Matrix) -> Double {
    zip(product.elements, w.elements).reduce(0) { $0 + $1.1 * ($1.0 - damping * $1.1) }
  }
}
