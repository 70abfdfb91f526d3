import Importance
import LinearAlgebra
import Tensors
import TestSupport

/// Features of a few taps that depend on each other a little.
struct TestFeatures {
  let taps = ["stem", "block", "head"]
  var tensors: [Tensor]

  init(samples: Int, seed: UInt64, integers: Bool = true) {
    var generator = SeededGenerator(seed: seed)
    tensors = [[4, 3, 3], [5, 2, 1], [7]].map { shape in
      let count = samples * shape.elementCount
      return Tensor(
        shape: [samples] + shape,
        elements: (0..<count).map { _ in
          integers
            ? Float(Int.random(in: -4...5, using: &generator))
            : Float.random(in: -1...1, using: &generator)
        })
    }
    for sample in 0..<samples {
      tensors[2].elements[sample * 7] += tensors[0].elements[sample * 36]
    }
  }

  func slice(_ samples: Range<Int>) -> [Tensor] {
    tensors.map { $0.gathering(Array(samples), axis: 0) }
  }

  func statistics(
    _ pair: TilePair, tileSize: Int, centres: [[Float]]? = nil
  ) throws -> TilePairStatistics {
    let layout = TileLayout(samples: tensors[0].shape[0], tileSize: tileSize)
    return try TilePairStatistics.compute(
      pair: pair, taps: taps, first: slice(layout.range(of: pair.first)),
      second: pair.isDiagonal ? nil : slice(layout.range(of: pair.second)),
      centres: centres ?? taps.map { _ in [] }, threads: 2)
  }

  func dependence(
    tileSize: Int, estimator: HSICEstimator, centres: [[Float]]? = nil
  ) throws -> DependenceMatrix {
    var reduction = ScoreReduction(
      layout: TileLayout(samples: tensors[0].shape[0], tileSize: tileSize), taps: taps)
    while let pair = reduction.next {
      try reduction.add(try statistics(pair, tileSize: tileSize, centres: centres))
    }
    return try reduction.dependence(estimator)
  }

  /// HSIC by its definition: with centred kernels, or as the U-statistic of Song et al.
  func wholeMatrixHSIC(_ estimator: HSICEstimator) -> Matrix {
    let n = tensors[0].shape[0]
    let kernels = tensors.map { tensor in
      let x = Matrix(rows: n, columns: tensor.count / n, elements: tensor.elements)
      var k = x * x.transposed
      if estimator == .unbiased {
        for i in 0..<n { k[i, i] = 0 }
        return k
      }
      var h = Matrix(rows: n, columns: n, repeating: -1 / Double(n))
      for i in 0..<n { h[i, i] += 1 }
      return h * k * h
    }
    var result = Matrix(rows: taps.count, columns: taps.count)
    for i in taps.indices {
      for j in taps.indices {
        result[i, j] = Self.hsic(kernels[i], kernels[j], estimator: estimator)
      }
    }
    return result
  }

  private static func hsic(_ k: Matrix, _ l: Matrix, estimator: HSICEstimator) -> Double {
    let n = Double(k.rows)
    let trace = (k * l).diagonal.reduce(0, +)
    guard estimator == .unbiased else { return trace / ((n - 1) * (n - 1)) }
    let sums = k.elements.reduce(0, +) * l.elements.reduce(0, +)
    let mixed = (k * l).elements.reduce(0, +)
    return (trace + sums / ((n - 1) * (n - 2)) - 2 * mixed / (n - 2)) / (n * (n - 3))
  }
}
