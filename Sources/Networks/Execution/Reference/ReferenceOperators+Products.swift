import NetworkGraph
import Tensors

extension ReferenceOperators {
  /// y[n, m] = alpha · Σ_k x[n, k] · W[k, m] + beta · bias[m].
  public static func gemm(_ operation: Gemm, _ x: Tensor, weight: Tensor, bias: Tensor?) -> Tensor {
    let (images, depth) = (x.shape[0], x.shape[1])
    let outputs = weight.shape[operation.transposesWeight ? 0 : 1]
    let columns = operation.transposesWeight ? transpose(weight, [1, 0]) : weight
    var result: [Float] = []
    result.reserveCapacity(images * outputs)
    for image in 0..<images {
      let sums = rowProduct(
        x.elements[image * depth..<(image + 1) * depth], columns.elements[...], columns: outputs)
      for (output, sum) in sums.enumerated() {
        var value = sum * Double(operation.alpha)
        if let bias {
          value += Double(operation.beta) * Double(bias.elements[bias.count == 1 ? 0 : output])
        }
        result.append(Float(value))
      }
    }
    return Tensor(shape: [images, outputs], elements: result)
  }

  /// The product of matrices `[…, M, K]` and `[…, K, P]`; axes before the last two broadcast.
  public static func matrixProduct(_ a: Tensor, _ b: Tensor) -> Tensor {
    let left = a.rank == 1 ? [1] + a.shape : a.shape
    let right = b.rank == 1 ? b.shape + [1] : b.shape
    let (rows, depth, columns) = (
      left[left.count - 2], left[left.count - 1], right[right.count - 1]
    )
    let (outerA, outerB) = (Array(left.dropLast(2)), Array(right.dropLast(2)))
    let outer = outerA.broadcast(with: outerB)
    let matricesA = outer.positions(strides: outerA.strides(broadcastTo: outer))
    let matricesB = outer.positions(strides: outerB.strides(broadcastTo: outer))
    var result: [Float] = []
    result.reserveCapacity(outer.elementCount * rows * columns)
    for (matrixA, matrixB) in zip(matricesA, matricesB) {
      let factor = b.elements[matrixB * depth * columns..<(matrixB + 1) * depth * columns]
      for row in 0..<rows {
        let start = (matrixA * rows + row) * depth
        let sums = rowProduct(a.elements[start..<start + depth], factor, columns: columns)
        result.append(contentsOf: sums.map { Float($0) })
      }
    }
    return Tensor(
      shape: outer + (a.rank > 1 ? [rows] : []) + (b.rank > 1 ? [columns] : []), elements: result)
  }

  /// Σ_k row[k] · matrix[k, column], for every column.
  private static func rowProduct(
    _ row: ArraySlice<Float>, _ matrix: ArraySlice<Float>, columns: Int
  ) -> [Double] {
    var sums = [Double](repeating: 0, count: columns)
    var start = matrix.startIndex
    for factor in row {
      for column in 0..<columns { sums[column] += Double(factor) * Double(matrix[start + column]) }
      start += columns
    }
    return sums
  }
}
