import Foundation
import Importance
import LinearAlgebra
import Tensors
import TestSupport

/// Features of a few taps that depend on each other a little.
struct TestFeatures {
  let taps = ["stem", "block", "head"]
  var tensors: [Tensor]

  init(samples: Int, seed: UInt64, integers: Bool = true, linked: Bool = true) {
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
    guard linked else { return }
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

  func reference(_ kernel: KernelKind, tileSize: Int) throws -> KernelReference {
    let layout = TileLayout(samples: tensors[0].shape[0], tileSize: tileSize)
    return try .measure(kernel, taps: taps, origin: slice(layout.range(of: 0)), threads: 1)
  }

  func statistics(
    _ pair: TilePair, tileSize: Int, reference: KernelReference
  ) throws -> TilePairStatistics {
    let layout = TileLayout(samples: tensors[0].shape[0], tileSize: tileSize)
    func tile(_ tile: Int) throws -> [TileFeatures] {
      try zip(slice(layout.range(of: tile)), reference.centres).map(TileFeatures.init)
    }
    return try TilePairStatistics.compute(
      pair: pair, taps: taps, first: try tile(pair.first),
      second: pair.isDiagonal ? nil : try tile(pair.second), reference: reference, threads: 2)
  }

  func reduction(
    tileSize: Int, estimator: HSICEstimator, centres: [[Float]]? = nil,
    kernel: KernelKind = .linear,
    reference: KernelReference? = nil
  ) throws -> ScoreReduction {
    let layout = TileLayout(samples: tensors[0].shape[0], tileSize: tileSize)
    let reference =
      try reference
      ?? (kernel == .rbf
        ? self.reference(.rbf, tileSize: tileSize)
        : KernelReference(kernel: .linear, centres: centres ?? taps.map { _ in [] }))
    var reduction = ScoreReduction(layout: layout, taps: taps, estimator: estimator)
    while let pair = reduction.next {
      try reduction.add(try statistics(pair, tileSize: tileSize, reference: reference))
    }
    return reduction
  }

  func dependence(
    tileSize: Int, estimator: HSICEstimator, centres: [[Float]]? = nil,
    kernel: KernelKind = .linear, reference: KernelReference? = nil
  ) throws -> DependenceMatrix {
    try reduction(
      tileSize: tileSize, estimator: estimator, centres: centres, kernel: kernel,
      reference: reference
    ).dependence()
  }

  /// The whole kernel matrices, by their definitions, in double.
  func kernels(bandwidths: [Double]? = nil) -> [Matrix] {
    let n = tensors[0].shape[0]
    return tensors.enumerated().map { index, tensor in
      let x = Matrix(rows: n, columns: tensor.count / n, elements: tensor.elements)
      var k = x * x.transposed
      guard let bandwidths else { return k }
      let squares = k.diagonal
      for i in 0..<n {
        for j in 0..<n {
          k[i, j] = exp(-(squares[i] + squares[j] - 2 * k[i, j]) / (2 * bandwidths[index]))
        }
      }
      return k
    }
  }

  /// HSIC by its definition: with centred kernels, or as the U-statistic of Song et al., of the
  /// images in a range.
  func wholeMatrixHSIC(
    _ estimator: HSICEstimator, bandwidths: [Double]? = nil, images: [Int]? = nil
  ) -> Matrix {
    let images = images ?? Array(0..<tensors[0].shape[0])
    let n = images.count
    let kernels = kernels(bandwidths: bandwidths).map { whole in
      var k = whole.principalSubmatrix(images)
      if estimator != .biased {
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
    guard estimator != .biased else { return trace / ((n - 1) * (n - 1)) }
    let sums = k.elements.reduce(0, +) * l.elements.reduce(0, +)
    let mixed = (k * l).elements.reduce(0, +)
    return (trace + sums / ((n - 1) * (n - 2)) - 2 * mixed / (n - 2)) / (n * (n - 3))
  }
}

extension TilePairStatistics {
  /// For features as a network gives them, with a linear kernel.
  static func compute(
    pair: TilePair, taps: [String], first: [Tensor], second: [Tensor]?, centres: [[Float]],
    threads: Int
  ) throws -> TilePairStatistics {
    try compute(
      pair: pair, taps: taps, first: try zip(first, centres).map(TileFeatures.init),
      second: try second.map { try zip($0, centres).map(TileFeatures.init) },
      reference: KernelReference(kernel: .linear, centres: centres), threads: threads)
  }
}
