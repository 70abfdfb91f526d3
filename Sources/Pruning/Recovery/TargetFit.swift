import LinearAlgebra

/// The least-squares fit of a layer's weights to a target, from the moments of its input with it.
///
///     minimise  ‖T − W U‖² + λ ‖W − W₀‖²   ⇒   W = (T Uᵀ + λ W₀) (U Uᵀ + λ I)⁻¹
///
/// λ grows with columns per position: few positions do not overrule W₀.
///
/// In the centred sense where something after the layer absorbs a constant. Unlike
/// ``ReconstructionConsumer``, whose target is the layer's own output, input and target may come
/// from different networks: the input from one that is pruned already, the target from the dense
/// one, so that the layer repairs what was lost before it (He, Zhang & Sun 2017, section 3.2).
public struct TargetFit: Sendable {
  /// W, `[O, K]`.
  public private(set) var weights: [Float]
  /// T̄ − W Ū, by output; zeros where the fit is not centred.
  public private(set) var offsets: [Double]
  /// ‖T − W U‖² / ‖T‖² of the fit to T, before ``move(outputsBy:where:)`` changes what is asked for; 0
  /// for a target that never varies.
  public private(set) var relativeError = 0.0

  public let outputs: Int
  /// U Uᵀ + λ I.
  public let curvature: InputCurvature
  /// K.
  public var columns: Int { curvature.columns }
  /// W₀.
  private let prior: [Float]
  /// T Uᵀ, centred where the fit is.
  private var cross: Matrix
  /// T̄, by output.
  private var targetMean: [Double]

  /// - Parameters:
  ///   - gram: Of K input columns, and after them O target channels.
  ///   - prior: W₀, `[O, K]`.
  ///   - relativeDamping: λ over the mean of the diagonal of U Uᵀ, with plenty of positions.
  /// - Throws: ``RecoveryError`` with `shapeMismatch` or `singular`, naming the layer.
  public init(
    _ layer: String, gram: InputGram, prior: [Float], outputs: Int, centred: Bool,
    relativeDamping: Double
  ) throws {
    let columns = gram.columns - outputs
    guard columns > 0, outputs > 0, prior.count == columns * outputs, gram.positions > 0 else {
      throw RecoveryError(
        .shapeMismatch,
        """
        layer '\(layer)': weights of \(prior.count) elements and moments of \(gram.columns) \
        columns at \(gram.positions) positions do not fit \(outputs) outputs
        """)
    }
    let whole = gram.matrix(centred: centred)
    let inputs = Array(0..<columns)
    let mean = gram.mean
    curvature = try InputCurvature(
      layer, moments: whole.principalSubmatrix(inputs), mean: Array(mean[..<columns]),
      positions: gram.positions, centred: centred, relativeDamping: relativeDamping)
    self.prior = prior
    self.outputs = outputs
    weights = prior
    offsets = Array(repeating: 0, count: outputs)
    cross = Matrix(rows: outputs, columns: columns)
    targetMean = Array(mean[columns...])
    for output in 0..<outputs {
      for column in inputs { cross[output, column] = whole[column, columns + output] }
    }
    try solve()
    relativeError = error(
      ofTargetsWithPower: (columns..<gram.columns).reduce(0) { $0 + whole[$1, $1] })
  }

  /// As W H = T Uᵀ + λ W₀, ‖T − W U‖² = ‖T‖² − ⟨W, T Uᵀ⟩ + λ ⟨W, W₀ − W⟩.
  private func error(ofTargetsWithPower power: Double) -> Double {
    guard power > 0 else { return 0 }
    let met = weights.indices.reduce(0.0) { sum, place in
      let weight = Double(weights[place])
      return sum + weight
        * (cross.elements[place] - curvature.damping * (Double(prior[place]) - weight))
    }
    return max(power - met, 0) / power
  }

  /// Fits some outputs to what the layer puts out now, and a change of that.
  ///
  /// - Parameter change: Its moments with the input, and its mean.
  /// - Throws: ``RecoveryError`` with `singular` if the weights are not finite.
  mutating func move(outputsBy change: LayerStep, where isMoved: (Int) -> Bool) throws {
    let damping = curvature.damping
    for output in (0..<outputs).filter(isMoved) {
      // Y Uᵀ = W U Uᵀ, and W (U Uᵀ + λ I) is what W was solved from.
      for place in output * columns..<(output + 1) * columns {
        cross.elements[place] +=
          damping * (Double(prior[place]) - Double(weights[place])) + change.weights.elements[place]
      }
      targetMean[output] += change.constants[output]
    }
    try solve()
  }

  private mutating func solve() throws {
    let (layer, damping) = (curvature.layer, curvature.damping)
    var right = cross
    for place in right.elements.indices {
      right.elements[place] += damping * Double(prior[place])
    }
    let solution: Matrix
    do {
      solution = try curvature.solution(of: right)
    } catch {
      throw RecoveryError(.singular, "layer '\(layer)': \(error.message)")
    }
    let fitted = solution.elements.map(Float.init)
    guard fitted.allSatisfy(\.isFinite) else {
      throw RecoveryError(
        .singular,
        "layer '\(layer)': fitted weights are not finite; use more calibration images")
    }
    weights = fitted
    guard curvature.centred else { return }
    offsets = (0..<outputs).map { output in
      (0..<columns).reduce(targetMean[output]) {
        $0 - Double(fitted[output * columns + $1]) * curvature.mean[$1]
      }
    }
  }
}
