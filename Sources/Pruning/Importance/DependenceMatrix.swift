import Foundation
import LinearAlgebra

/// The estimator of the Hilbert–Schmidt independence criterion.
public enum HSICEstimator: String, Sendable, Hashable, Codable, CaseIterable {
  /// tr(K H L H) / (N − 1)²: what ITPruner uses; normalised it is linear CKA.
  case biased
  /// Song et al.'s U-statistic, free of the diagonal; needs N ≥ 4 and can be negative.
  case unbiased
}

/// HSIC between every two taps.
public struct DependenceMatrix: Sendable, Hashable {
  public let taps: [String]
  public let estimator: HSICEstimator
  /// N.
  public let samples: Int
  /// HSIC(i, j), `[L, L]`, symmetric.
  public let values: Matrix

  /// nHSIC(i, j) = HSIC(i, j) / √(HSIC(i, i) · HSIC(j, j)), `[L, L]`.
  ///
  /// In 0…1 for the biased estimator; the diagonal is exactly 1.
  ///
  /// Reference: Zheng et al., arXiv 2108.08532, §3; Kornblith et al., ICML 2019.
  public var normalizedHSIC: Matrix {
    // Positive: a tap without dependence on itself does not pass the reduction.
    let scales = values.diagonal.map { $0.squareRoot() }
    var result = values
    for i in taps.indices {
      for j in taps.indices {
        result[i, j] = i == j ? 1 : values[i, j] / (scales[i] * scales[j])
      }
    }
    return result
  }
}
