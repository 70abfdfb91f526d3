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
  public let weights: [Float]
  /// T̄ − W Ū, by output; zeros where the fit is not centred.
  public let offsets: [Double]

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
    var hessian = whole.principalSubmatrix(inputs)
    let scarcity = 0.1 * Double(columns) / Double(gram.positions)
    let damping =
      (relativeDamping + scarcity) * hessian.diagonal.reduce(0, +) / Double(columns)
    // A column that never varies tells nothing: it keeps its weight, for any damping above 0 will do.
    let floor = max(damping, .leastNormalMagnitude)
    for column in inputs { hessian[column, column] += floor }
    var target = Matrix(rows: outputs, columns: columns)
    for output in 0..<outputs {
      for column in inputs {
        target[output, column] =
          whole[column, columns + output] + floor * Double(prior[output * columns + column])
      }
    }
    do {
      weights = try CholeskyFactorization(hessian).solve(target).elements.map(Float.init)
    } catch {
      throw RecoveryError(
        .singular,
        "layer '\(layer)': \(error.message); use more calibration images or a larger damping")
    }
    guard centred else {
      offsets = Array(repeating: 0, count: outputs)
      return
    }
    let (mean, fitted) = (gram.mean, weights)
    offsets = (0..<outputs).map { output in
      inputs.reduce(mean[columns + output]) {
        $0 - Double(fitted[output * columns + $1]) * mean[$1]
      }
    }
  }
}
