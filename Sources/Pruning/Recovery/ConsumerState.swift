import LinearAlgebra
import Tensors

/// One consumer in the course of greedy removal: its current weights and inverse Hessian.
///
/// With S the columns of a unit and L Lᵀ = [H⁻¹]_SS:
///
///     score(S) = tr(W_S ([H⁻¹]_SS)⁻¹ W_Sᵀ) = ‖L⁻¹ W_Sᵀ‖²
///     H⁻¹ −= Vᵀ V,  W −= Zᵀ V              V = L⁻¹ [H⁻¹]_{S,:},  Z = L⁻¹ W_Sᵀ
struct ConsumerState {
  let consumer: ReconstructionConsumer
  /// tr(W H Wᵀ): the loss of removing every column.
  let energy: Double
  /// H + λ I, dead columns replaced by those of the identity.
  let hessian: Matrix
  /// λ.
  let damping: Double
  /// W without dead columns.
  let original: Matrix
  /// W H, the normal equations' other side.
  let target: Matrix
  /// Columns whose input does not vary.
  let dead: Set<Int>

  /// The column of W at each place of the working matrices.
  private var live: [Int]
  /// The place of each column of W.
  private var place: [Int]
  /// H⁻¹ on the live columns, upper triangle.
  private var inverse: Matrix
  /// Wᵀ on the live columns: a unit's weights are then whole rows.
  private var transposedWeights: Matrix

  /// Relative variation of a column below which centring in `Double` cannot tell it from none.
  private static let deadVariation = 1e-12

  init(_ consumer: ReconstructionConsumer, relativeDamping: Double) throws {
    let columns = consumer.gram.columns
    var h = consumer.gram.matrix(centred: consumer.centred)
    let dead = Self.deadColumns(h, gram: consumer.gram)
    var w = Matrix(
      rows: consumer.outputs, columns: columns, elements: consumer.weights.elements)
    let alive = columns - dead.count
    let total = h.diagonal.enumerated().reduce(0) {
      dead.contains($1.offset) ? $0 : $0 + $1.element
    }
    damping = alive == 0 ? 0 : relativeDamping * total / Double(alive)
    for column in dead {
      for other in 0..<columns {
        h[column, other] = 0
        h[other, column] = 0
      }
      h[column, column] = 1
      for row in 0..<w.rows { w[row, column] = 0 }
    }
    for column in 0..<columns where !dead.contains(column) { h[column, column] += damping }
    self.consumer = consumer
    self.dead = dead
    hessian = h
    original = w
    target = w * h
    energy = zip(target.elements, w.elements).reduce(0) { $0 + $1.0 * $1.1 }
    live = Array(0..<columns)
    place = live
    transposedWeights = w.transposed
    inverse = try naming(consumer.name) { try CholeskyFactorization(h).inverse() }
  }

  private static func deadColumns(_ h: Matrix, gram: InputGram) -> Set<Int> {
    let squares = gram.squares
    return Set(h.diagonal.indices.filter { !(h[$0, $0] > deadVariation * squares[$0]) })
  }

  /// The least increase of ‖(W − W') U‖² by which a unit can be removed; nil if H⁻¹ has lost its
  /// positive definiteness to rounding.
  func score(ofUnit unit: Int) -> Double? {
    let columns = consumer.unitColumns[unit]
    guard let factor = factor(of: columns) else { return nil }
    return factor.forwardSubstituted(weights(of: columns)).elements.reduce(0) { $0 + $1 * $1 }
  }

  /// Removes a unit and lets the other columns make up for it.
  mutating func remove(unit: Int) {
    let columns = consumer.unitColumns[unit]
    guard !columns.isEmpty, let factor = factor(of: columns) else { return }
    let z = factor.forwardSubstituted(weights(of: columns))
    let v = factor.forwardSubstituted(inverseRows(of: columns))
    inverse.addUpperGram(of: v, .columns, scale: -1)
    transposedWeights.add(productOf: v, transposed: true, and: z, scale: -1)
  }

  /// Recomputes weights and inverse on the kept columns, ending the drift of the down-dates.
  mutating func refresh(removing units: [Int]) throws {
    let kept = keptColumns(removing: units)
    let (factorization, weights) = try solution(on: kept)
    inverse = try naming(consumer.name) { try factorization.inverse() }
    transposedWeights = weights.transposed
    live = kept
    for (index, column) in kept.enumerated() { place[column] = index }
  }

  func solution(on kept: [Int]) throws -> (CholeskyFactorization, Matrix) {
    try naming(consumer.name) {
      let factorization = try CholeskyFactorization(hessian.principalSubmatrix(kept))
      return (factorization, try factorization.solve(target.gathering(columns: kept)))
    }
  }

  func keptColumns(removing units: [Int]) -> [Int] {
    let removed = Set(units.flatMap { consumer.unitColumns[$0] })
    return (0..<consumer.gram.columns).filter { !removed.contains($0) }
  }

  private func factor(of columns: [Int]) -> SmallCholesky? {
    let places = columns.map { place[$0] }
    var block: [Double] = []
    block.reserveCapacity(places.count * places.count)
    for i in places { for j in places { block.append(inverse[min(i, j), max(i, j)]) } }
    return SmallCholesky(block, order: places.count)
  }

  /// W_Sᵀ.
  private func weights(of columns: [Int]) -> Matrix {
    let outputs = transposedWeights.columns
    var rows: [Double] = []
    rows.reserveCapacity(columns.count * outputs)
    for column in columns {
      let start = place[column] * outputs
      rows.append(contentsOf: transposedWeights.elements[start..<start + outputs])
    }
    return Matrix(rows: columns.count, columns: outputs, elements: rows)
  }

  /// [H⁻¹]_{S,:}, put together from the upper triangle.
  private func inverseRows(of columns: [Int]) -> Matrix {
    let count = live.count
    var rows: [Double] = []
    rows.reserveCapacity(columns.count * count)
    inverse.elements.withUnsafeBufferPointer { h in
      for column in columns {
        let row = place[column]
        for j in 0..<row { rows.append(h[j * count + row]) }
        rows.append(contentsOf: h[row * count + row..<(row + 1) * count])
      }
    }
    return Matrix(rows: columns.count, columns: count, elements: rows)
  }
}

/// Runs `body`, and turns a failed factorisation into an error that names the layer.
private func naming<Result>(_ layer: String, _ body: () throws -> Result) throws -> Result {
  do {
    return try body()
  } catch let error as LinearAlgebraError {
    throw RecoveryError(
      .singular,
      "layer '\(layer)': \(error.message); use more calibration images or a larger damping")
  }
}
