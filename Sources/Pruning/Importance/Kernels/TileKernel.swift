import Foundation
import LinearAlgebra

/// One tap's block of the kernel matrix, with the sums that are taken of it alone.
struct TileKernel: Sendable {
  /// `[m_s, m_t]`, both triangles filled.
  let values: Matrix
  let rowSums: [Double]
  let columnSums: [Double]

  /// - Parameter bandwidth: σ² of the RBF kernel; nil for the linear one.
  init(_ first: TileFeatures, _ second: TileFeatures?, bandwidth: Double?) {
    if let bandwidth {
      var distances = SquaredDistances(first, second).values
      // Images that are all the same have no bandwidth, and need none.
      let scale = bandwidth > 0 ? -1 / (2 * bandwidth) : 0
      for index in distances.elements.indices {
        distances.elements[index] = exp(scale * distances.elements[index])
      }
      values = distances
    } else {
      values = second.map { SlicedMatrix.product(first.rows, $0.rows) } ?? first.rows.gram
    }
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
  }

  /// False if any feature, or any product, was NaN or infinite: either reaches a row's sum.
  var isFinite: Bool { rowSums.allSatisfy(\.isFinite) }

  /// Whether all images of the tile have the same features, to the last bit.
  var isConstant: Bool { values.elements.allSatisfy { $0 == values.elements[0] } }

  /// P_ij = weight · Σ_ab K_i[a,b] K_j[a,b], the upper triangle by rows.
  static func products(_ kernels: [TileKernel], weight: Double) -> [Double] {
    let size = kernels[0].values.elements.count
    var vectors = SlicedMatrix<Double>(rows: kernels.count, columns: size)
    for kernel in kernels { vectors.append(kernel.values.elements) }
    let products = vectors.gram
    return (0..<kernels.count).flatMap { i in
      (i..<kernels.count).map { weight * products[i, $0] }
    }
  }
}

/// ‖x − y‖² between the images of two tiles, at one tap.
struct SquaredDistances {
  /// `[m_s, m_t]`; zero exactly between images that are the same.
  var values: Matrix

  init(_ first: TileFeatures, _ second: TileFeatures?) {
    values = second.map { SlicedMatrix.product(first.rows, $0.rows) } ?? first.rows.gram
    let squares = (first.rows.squares, second?.rows.squares ?? first.rows.squares)
    for i in 0..<values.rows {
      for j in 0..<values.columns {
        // Rounding can make it negative. Infinity and NaN must pass, to be found.
        let distance = squares.0[i] + squares.1[j] - 2 * values[i, j]
        values[i, j] = distance < 0 ? 0 : distance
      }
    }
  }
}
