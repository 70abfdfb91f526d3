import Foundation
import LinearAlgebra

/// One tap's block of the kernel matrix, with the sums that are taken of it alone: all that scores
/// need of the features.
///
/// It is a single-precision product in a fixed order of sums; what is summed from it is in `Double`
/// and in a fixed order. So of the same features in the same order the linear kernel is the same bits on any
/// machine; the RBF kernel depends on the C library's `exp` besides.
public struct TileKernel: Sendable {
  /// `[m_s, m_t]`, both triangles filled.
  let values: Matrix
  let rowSums: [Double]
  let columnSums: [Double]
  /// Why it is not finite; nil where it is.
  let fault: TapFault?
  /// Whether all features of a tile are zero; false off the diagonal.
  let isDead: Bool

  /// - Parameters:
  ///   - first, second: What it is the kernel of: nil on the diagonal.
  ///   - isZero: Whether all features of the first are zero.
  init(
    _ pair: TilePair, _ values: Matrix, tap: String, _ first: TileFeatures, _ second: TileFeatures?,
    isZero: Bool
  ) {
    self.values = values
    var rowSums = [Double](repeating: 0, count: values.rows)
    var columnSums = [Double](repeating: 0, count: values.columns)
    values.elements.withUnsafeBufferPointer { k in
      for i in rowSums.indices {
        for j in columnSums.indices {
          let value = k[i * columnSums.count + j]
          rowSums[i] += value
          columnSums[j] += value
        }
      }
    }
    self.rowSums = rowSums
    self.columnSums = columnSums
    // A feature, or a product, that is NaN or infinite reaches a row's sum.
    fault =
      rowSums.allSatisfy(\.isFinite)
      ? nil
      : TapFault(
        first: first, second: second, tap: tap, tile: pair.first, secondTile: pair.second)
    isDead = pair.isDiagonal && isZero
  }
}

/// ‖x − y‖² between the images of two tiles, at one tap.
struct SquaredDistances {
  /// `[m_s, m_t]`; zero exactly between images that are the same.
  var values: Matrix

  /// - Parameters:
  ///   - products: xᵀy.
  ///   - first, second: ‖x‖² and ‖y‖².
  init(_ products: Matrix, _ first: [Double], _ second: [Double]) {
    values = products
    for i in 0..<values.rows {
      for j in 0..<values.columns {
        // Rounding can make it negative. Infinity and NaN must pass, to be found.
        let distance = first[i] + second[j] - 2 * values[i, j]
        values[i, j] = distance < 0 ? 0 : distance
      }
    }
  }

  /// exp(−‖x − y‖² / (2σ²)).
  func kernel(_ bandwidth: Double) -> Matrix {
    var kernel = values
    // Images that are all the same have no bandwidth, and need none.
    let scale = bandwidth > 0 ? -1 / (2 * bandwidth) : 0
    for index in kernel.elements.indices {
      kernel.elements[index] = exp(scale * kernel.elements[index])
    }
    return kernel
  }
}
