import LinearAlgebra

/// One consumer with some units of its group gone: what every exchange of a unit that is gone for
/// one that is there would do to its loss.
///
/// With K the columns that are left, A = H_KK⁻¹, W = (W H)_{:,K} A, and a unit a that is gone,
///
///     S = H_aa − H_aK A H_Ka = L Lᵀ        V = L⁻¹ H_aK A        Z = L⁻¹ ((W₀ H)_a − W H_Ka)ᵀ
///
/// its return lowers the loss by ‖Z‖², makes the inverse A + Vᵀ V and the weights Wᵀ − Vᵀ Z; a unit
/// that goes then costs what ``ConsumerState/score(ofUnit:)`` says, of those.
struct ConsumerExchange {
  /// A unit that is gone, about to return.
  struct Return {
    /// By how much its return lowers the loss.
    var gain: Double
    fileprivate var v: Matrix
    fileprivate var z: Matrix
  }

  /// The loss now, relative to that of leaving everything out; 0 for a layer without output.
  let error: Double
  private let state: ConsumerState
  private let kept: [Int]
  private let place: [Int: Int]
  private let inverse: Matrix
  /// `[O, kept]`.
  private let weights: Matrix

  init(_ state: ConsumerState, removed: [Int]) throws {
    self.state = state
    kept = state.keptColumns(removing: removed)
    let (factorization, weights) = try state.solution(on: kept)
    do {
      inverse = try factorization.inverse()
    } catch {
      throw RecoveryError(.singular, "layer '\(state.consumer.name)': \(error.message)")
    }
    self.weights = weights
    place = Dictionary(uniqueKeysWithValues: zip(kept, 0...))
    let target = state.target.gathering(columns: kept)
    let fitted = zip(weights.elements, target.elements).reduce(0) { $0 + $1.0 * $1.1 }
    error = state.energy > 0 ? (state.energy - fitted) / state.energy : 0
  }

  /// The return of a unit; nil where rounding leaves no inverse.
  func returning(_ unit: Int) -> Return? {
    let columns = state.consumer.unitColumns[unit]
    let h = state.hessian
    guard !columns.isEmpty else {
      return Return(
        gain: 0, v: Matrix(rows: 0, columns: kept.count), z: Matrix(rows: 0, columns: weights.rows))
    }
    var between = Matrix(rows: columns.count, columns: kept.count)
    var block: [Double] = []
    for (row, column) in columns.enumerated() {
      for (index, other) in kept.enumerated() { between[row, index] = h[column, other] }
      block += columns.map { h[column, $0] }
    }
    let explained = between * inverse
    var schur = Matrix(rows: columns.count, columns: columns.count, elements: block)
    schur.add(
      productOf: explained, transposed: false, and: between, transposed: true, scale: -1)
    var lack = state.target.gathering(columns: columns).transposed
    lack.add(productOf: between, transposed: false, and: weights, transposed: true, scale: -1)
    guard let factor = SmallCholesky(schur.elements, order: columns.count) else { return nil }
    let z = factor.forwardSubstituted(lack)
    return Return(
      gain: relative(z.elements.reduce(0) { $0 + $1 * $1 }),
      v: factor.forwardSubstituted(explained), z: z)
  }

  /// What the loss grows by when a unit goes, after a return or without one; nil where rounding
  /// leaves no inverse.
  func cost(of unit: Int, after entry: Return? = nil) -> Double? {
    let places = state.consumer.unitColumns[unit].compactMap { place[$0] }
    let (count, outputs) = (places.count, weights.rows)
    var block: [Double] = []
    var own = Matrix(rows: count, columns: outputs)
    for (row, i) in places.enumerated() {
      for j in places {
        var sum = inverse[i, j]
        if let v = entry?.v { for k in 0..<v.rows { sum += v[k, i] * v[k, j] } }
        block.append(sum)
      }
      for output in 0..<outputs {
        var sum = weights[output, i]
        if let entry {
          for k in 0..<entry.v.rows { sum -= entry.v[k, i] * entry.z[k, output] }
        }
        own[row, output] = sum
      }
    }
    return SmallCholesky(block, order: count).map {
      relative($0.forwardSubstituted(own).elements.reduce(0) { $0 + $1 * $1 })
    }
  }

  private func relative(_ loss: Double) -> Double { state.energy > 0 ? loss / state.energy : 0 }
}
