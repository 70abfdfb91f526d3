import Foundation

/// Least squares with a price on the size of the coefficients, from second moments alone.
///
///     minimise  ½ βᵀ Q β − bᵀ β + λ ‖β‖₁
///
/// With Q = XᵀX / n and b = Xᵀy / n this is the LASSO of n samples.
public struct LassoProblem: Sendable {
  /// Coefficients.
  public let count: Int
  /// Q, `[n, n]`, symmetric and positive semidefinite.
  public let quadratic: [Double]
  /// b, `[n]`.
  public let linear: [Double]

  public init(quadratic: [Double], linear: [Double]) {
    precondition(
      quadratic.count == linear.count * linear.count,
      "\(quadratic.count) elements are no matrix of \(linear.count)")
    (count, self.quadratic, self.linear) = (linear.count, quadratic, linear)
  }

  /// The least λ at which every coefficient is 0.
  public var greatestPenalty: Double { linear.reduce(0) { max($0, abs($1)) } }

  /// `count` penalties from ``greatestPenalty`` down to `ratio` of it, in equal steps of their
  /// logarithm.
  public func penalties(_ count: Int, ratio: Double) -> [Double] {
    (0..<count).map { greatestPenalty * pow(ratio, Double($0) / Double(max(count - 1, 1))) }
  }

  /// The coefficients at every penalty, each found from the one before.
  ///
  /// - Parameter penalties: λ, best in falling order.
  /// - Complexity: O(n²) for a sweep over coefficients that all move.
  public func path(
    penalties: [Double], tolerance: Double = 1e-7, sweeps: Int = 2000
  ) -> [[Double]] {
    var beta = [Double](repeating: 0, count: count)
    // b − Q β.
    var residual = linear
    return penalties.map { penalty in
      descend(&beta, &residual, penalty, tolerance: tolerance, sweeps: sweeps)
      return beta
    }
  }

  /// Coordinate descent: each coefficient in turn goes to its best value with the others fixed.
  private func descend(
    _ beta: inout [Double], _ residual: inout [Double], _ penalty: Double, tolerance: Double,
    sweeps: Int
  ) {
    for _ in 0..<sweeps {
      var largest = 0.0
      for i in 0..<count {
        let curvature = quadratic[i * count + i]
        // What does not vary explains nothing.
        guard curvature > 0 else { continue }
        let pull = residual[i] + curvature * beta[i]
        let shrunk = max(abs(pull) - penalty, 0) / curvature
        let new = pull < 0 ? -shrunk : shrunk
        let step = new - beta[i]
        guard step != 0 else { continue }
        beta[i] = new
        for j in 0..<count { residual[j] -= step * quadratic[i * count + j] }
        largest = max(largest, abs(step))
      }
      if largest <= tolerance { return }
    }
  }
}
