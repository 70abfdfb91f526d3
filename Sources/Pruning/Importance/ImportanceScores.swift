import Digests
import Foundation
import LinearAlgebra

/// The scale that row sums of nHSIC are turned into importances on.
public enum ImportanceScale: Sendable, Hashable, Codable {
  /// exp(−β (r̂_i − 1)) with r̂ of mean 1, then normalised to mean 1: a scale on which β acts the
  /// same for any number of taps.
  case normalised(beta: Double)
  /// exp(−β r_i) with Σ r = 1, as published: of the order exp(−β / L).
  case published(beta: Double)
}

/// How much the features of every tap matter: little, if the other taps tell the same.
///
///     s_i = Σ_{j≠i} nHSIC_ij        r_i = s_i / Σ s        I_i = exp(−β r_i)
///
/// Reference: Zheng et al., "An Information Theory-inspired Strategy for Automatic Network
/// Pruning", arXiv 2108.08532, §3.
public struct ImportanceScores: Sendable, Hashable, Codable {
  public let taps: [String]
  /// nHSIC, `[L, L]`, by rows.
  public let nhsic: [[Double]]
  /// r̂_i = L · r_i, mean 1.
  public let redundancy: [Double]
  /// I_i.
  public let importance: [Double]
  public let scale: ImportanceScale
  /// N.
  public let samples: Int
  public let estimator: HSICEstimator
  public let kernel: KernelKind
  /// σ² of the RBF kernel by tap, as measured on tile 0, of all taps; empty for the linear kernel.
  public let bandwidths: [String: Double]
  /// SHA-256 of the nHSIC matrix as little-endian float64 by rows: equal digests, equal scores.
  public let digest: Digest
  /// Taps that were left out because they have no dependence to measure.
  public let faults: [TapFault]
  /// How far to trust the importances; nil where it was not estimated.
  public let confidence: ScoreConfidence?

  public init(
    _ dependence: DependenceMatrix, scale: ImportanceScale = .normalised(beta: 1),
    confidence: ScoreConfidence? = nil, kernel: KernelKind = .linear,
    bandwidths: [String: Double] = [:]
  ) {
    let matrix = dependence.normalizedHSIC
    let count = matrix.rows
    let rows = (0..<count).map { Array(matrix.elements[$0 * count..<($0 + 1) * count]) }
    taps = dependence.taps
    nhsic = rows
    redundancy = Self.redundancy(rows)
    importance = Self.logImportance(redundancy: redundancy, scale: scale).map { exp($0) }
    self.scale = scale
    samples = dependence.samples
    estimator = dependence.estimator
    self.kernel = kernel
    self.bandwidths = bandwidths
    let bits = matrix.elements.map(\.bitPattern.littleEndian)
    digest = Digest(of: bits.withUnsafeBytes { Data($0) })
    faults = dependence.faults
    self.confidence = confidence
  }

  /// r̂: row sums without the diagonal, scaled to mean 1; all 1 where no tap depends on another.
  static func redundancy(_ nhsic: [[Double]]) -> [Double] {
    let sums = nhsic.enumerated().map { i, row in
      row.enumerated().reduce(0) { $1.offset == i ? $0 : $0 + $1.element }
    }
    let total = sums.reduce(0, +)
    guard total > 0 else { return sums.map { _ in 1 } }
    return sums.map { $0 / total * Double(sums.count) }
  }

  /// ln I.
  static func logImportance(redundancy: [Double], scale: ImportanceScale) -> [Double] {
    let count = Double(redundancy.count)
    switch scale {
    case .published(let beta): return redundancy.map { -beta * $0 / count }
    case .normalised(let beta):
      let mean = redundancy.reduce(0) { $0 + exp(-beta * ($1 - 1)) } / count
      return redundancy.map { -beta * ($0 - 1) - log(mean) }
    }
  }
}
