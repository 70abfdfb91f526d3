import Foundation
import LinearAlgebra

/// The estimator of the Hilbert–Schmidt independence criterion.
public enum HSICEstimator: String, Sendable, Hashable, Codable, CaseIterable {
  /// tr(K H L H) / (N − 1)²: what ITPruner uses; normalised it is linear CKA.
  case biased
  /// Song et al.'s U-statistic, free of the diagonal; needs N ≥ 4 and can be negative.
  case unbiased
  /// The mean of the U-statistics of the diagonal tiles alone, weighted by their images: for N so
  /// large that N² products are too many. Tiles of fewer than four images are left out.
  ///
  /// Reference: Nguyen, Raghu, Kornblith, ICLR 2021, §3.2.
  case minibatch

  /// The least number of images it is defined for.
  public var minimumSamples: Int { self == .biased ? 2 : 4 }
}

/// HSIC between every two taps.
public struct DependenceMatrix: Sendable, Hashable {
  public let taps: [String]
  public let estimator: HSICEstimator
  /// N: the images that entered.
  public let samples: Int
  /// HSIC(i, j), `[L, L]`, symmetric bit for bit.
  public let values: Matrix
  /// Taps that were left out because they have no dependence to measure.
  public let faults: [TapFault]

  public init(
    taps: [String], estimator: HSICEstimator, samples: Int, values: Matrix, faults: [TapFault] = []
  ) {
    precondition(
      values.rows == taps.count && values.columns == taps.count,
      "a \(values.rows) × \(values.columns) matrix for \(taps.count) taps")
    self.taps = taps
    self.estimator = estimator
    self.samples = samples
    self.values = values
    self.faults = faults
  }

  /// nHSIC(i, j) = HSIC(i, j) / √(HSIC(i, i) · HSIC(j, j)), `[L, L]`.
  ///
  /// Symmetric bit for bit; the diagonal is exactly 1. In 0…1 for the biased estimator; the others
  /// can leave that range by their error.
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
