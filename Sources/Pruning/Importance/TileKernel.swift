import LinearAlgebra
import Tensors

/// One tap's block of the kernel matrix, with the sums that are taken of it alone.
struct TileKernel: Sendable {
  /// `[m_s, m_t]`, both triangles filled.
  private(set) var values: [Float]
  private(set) var rowSums: [Double]
  private(set) var columnSums: [Double]
  /// Empty off the diagonal.
  private(set) var diagonal: [Double] = []

  /// Features per product: blocks of two tiles stay in the second-level cache.
  private static let featureBlock = 2048

  /// (X_s − 1μᵀ)(X_t − 1μᵀ)ᵀ for features that ``TilePairStatistics`` has checked.
  init(first: Tensor, second: Tensor?, centre: [Float]) {
    let rows = first.shape[0]
    let columns = second?.shape[0] ?? rows
    let features = first.count / rows
    values = [Float](repeating: 0, count: rows * columns)
    for start in stride(from: 0, to: features, by: Self.featureBlock) {
      let block = start..<min(start + Self.featureBlock, features)
      let x = Self.centred(first, block: block, centre: centre)
      if let second {
        let y = Self.centred(second, block: block, centre: centre)
        FloatProducts.add(
          rows: x, times: y, inner: block.count, stride: block.count, m: rows, n: columns,
          into: &values)
      } else {
        FloatProducts.addUpperGram(
          rows: x, inner: block.count, stride: block.count, m: rows, into: &values)
      }
    }
    if second == nil {
      for i in 0..<rows { for j in 0..<i { values[i * rows + j] = values[j * rows + i] } }
    }
    rowSums = [Double](repeating: 0, count: rows)
    columnSums = [Double](repeating: 0, count: columns)
    for i in 0..<rows {
      for j in 0..<columns {
        let value = Double(values[i * columns + j])
        rowSums[i] += value
        columnSums[j] += value
      }
    }
    if second == nil { diagonal = (0..<rows).map { Double(values[$0 * rows + $0]) } }
  }

  /// False if any feature, or any product, was NaN or infinite: either reaches a row's sum.
  var isFinite: Bool { rowSums.allSatisfy(\.isFinite) }

  /// The columns `block` of the features with the centre subtracted, `[m, block]`.
  private static func centred(_ tensor: Tensor, block: Range<Int>, centre: [Float]) -> [Float] {
    let rows = tensor.shape[0]
    let features = tensor.count / rows
    let shift: [Float] =
      centre.isEmpty ? [] : block.map { centre[$0 / (features / centre.count)] }
    return [Float](unsafeUninitializedCapacity: rows * block.count) { result, count in
      tensor.elements.withUnsafeBufferPointer { x in
        for row in 0..<rows {
          let (source, target) = (row * features + block.lowerBound, row * block.count)
          if shift.isEmpty {
            for j in 0..<block.count { result[target + j] = x[source + j] }
          } else {
            for j in 0..<block.count { result[target + j] = x[source + j] - shift[j] }
          }
        }
      }
      count = rows * block.count
    }
  }

  /// P_ij = weight · Σ_ab K_i[a,b] K_j[a,b], the upper triangle by rows.
  static func products(_ kernels: [TileKernel], weight: Double) -> [Double] {
    let size = kernels[0].values.count
    var products = Matrix(rows: kernels.count, columns: kernels.count)
    // Entries widened to double at a time: few enough for the cache, enough for the product.
    let block = 4096
    for start in stride(from: 0, to: size, by: block) {
      let range = start..<min(start + block, size)
      let widened = Matrix(
        rows: kernels.count, columns: range.count,
        elements: kernels.flatMap { $0.values[range].map(Double.init) })
      products.addUpperGram(of: widened, .rows, scale: weight)
    }
    return (0..<kernels.count).flatMap { i in
      (i..<kernels.count).map { products[i, $0] }
    }
  }
}
