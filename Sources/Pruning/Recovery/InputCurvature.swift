import LinearAlgebra

/// How much each direction of a layer's weights moves its outputs: the second moments of its input
/// U, damped and factorised.
///
///     H = U Uᵀ + λ I        λ = (relative damping + 3 · columns / positions) · mean diagonal
///
/// In the centred sense where something after the layer absorbs a constant. λ grows with columns
/// per position, for few positions tell little, and neighbouring ones much the same.
public struct InputCurvature: Sendable {
  /// λ over the mean diagonal, for as many positions as columns: measured on MobileNetV1 with a
  /// hundred images, where a tenth and ten times as much are both worse.
  private static let scarcity = 3.0

  /// K.
  public let columns: Int
  public let centred: Bool
  /// Ū.
  public let mean: [Double]
  public let positions: Int
  let layer: String
  /// λ.
  let damping: Double
  private let factorization: CholeskyFactorization

  /// - Parameters:
  ///   - gram: Of the K input columns.
  ///   - relativeDamping: λ over the mean of the diagonal of U Uᵀ, with plenty of positions.
  /// - Throws: ``RecoveryError`` with `singular`, naming the layer.
  public init(
    _ layer: String, gram: InputGram, centred: Bool, relativeDamping: Double
  ) throws(RecoveryError) {
    try self.init(
      layer, moments: gram.matrix(centred: centred), mean: gram.mean, positions: gram.positions,
      centred: centred, relativeDamping: relativeDamping)
  }

  /// - Parameter moments: U Uᵀ, centred if that is asked for.
  init(
    _ layer: String, moments: Matrix, mean: [Double], positions: Int, centred: Bool,
    relativeDamping: Double
  ) throws(RecoveryError) {
    let columns = moments.rows
    let scarcity = Self.scarcity * Double(columns) / Double(max(positions, 1))
    let damping =
      (relativeDamping + scarcity) * moments.diagonal.reduce(0, +) / Double(max(columns, 1))
    // A column that never varies tells nothing: it keeps its weight, for any damping above 0 will do.
    let floor = max(damping, .leastNormalMagnitude)
    do {
      factorization = try CholeskyFactorization(moments, damping: floor)
    } catch {
      throw RecoveryError(
        .singular,
        "layer '\(layer)': \(error.message); use more calibration images or a larger damping")
    }
    self.layer = layer
    self.columns = columns
    self.centred = centred
    self.mean = mean
    self.positions = positions
    self.damping = floor
  }

  /// C H⁻¹.
  func solution(of cross: Matrix) throws(LinearAlgebraError) -> Matrix {
    try factorization.solve(cross)
  }

  /// The step that least squares would take if the outputs were asked to change by g, from the
  /// moments of g with the input.
  ///
  /// - Parameter outputMoments: M `[O, O]`, if a change of the outputs is not itself what counts
  ///   but M of it: the step is then multiplied by (M + a tenth of its mean diagonal)⁻¹.
  /// - Throws: ``RecoveryError`` with `singular`.
  public func step(
    along moments: LayerStep, outputMoments: Matrix? = nil
  ) throws(RecoveryError) -> LayerStep {
    do {
      var step = LayerStep(
        weights: try solution(of: moments.weights),
        constants: moments.constants.map { centred ? $0 / Double(positions) : 0 })
      guard let outputMoments else { return step }
      let mean = outputMoments.diagonal.reduce(0, +) / Double(max(outputMoments.rows, 1))
      let factorization = try CholeskyFactorization(
        outputMoments, damping: max(0.1 * mean, .leastNormalMagnitude))
      step.weights = try factorization.solve(step.weights.transposed).transposed
      step.constants = try factorization.solve(
        Matrix(rows: 1, columns: step.constants.count, elements: step.constants)
      ).elements
      return step
    } catch {
      throw RecoveryError(.singular, "layer '\(layer)': \(error.message)")
    }
  }
}
