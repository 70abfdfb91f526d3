import Digests
import Foundation
import Importance
import LinearAlgebra
import Tensors
import TestSupport
import Testing

@Suite("Importance scores", .tags(.pure)) struct ScoreReductionTests {
  private let features = TestFeatures(samples: 30, seed: 3, integers: false)

  private func normalizedHSIC(_ features: TestFeatures) throws -> [Double] {
    try features.dependence(tileSize: 8, estimator: .biased).normalizedHSIC.elements
  }

  @Test("pairs come in the order of (s, t)")
  func order() {
    let layout = TileLayout(samples: 25, tileSize: 10)
    #expect(layout.tiles == 3)
    #expect(layout.range(of: 2) == 20..<25)
    #expect(
      layout.pairs.map(\.description) == [
        "(0, 0)", "(0, 1)", "(0, 2)", "(1, 1)", "(1, 2)", "(2, 2)",
      ])
  }

  @Test("nHSIC does not change when features are scaled, shifted or rotated")
  func invariances() throws {
    let original = try normalizedHSIC(features)
    var changed = features
    changed.tensors[0].elements = changed.tensors[0].elements.map { $0 * 3 + 0.5 }
    let (cosine, sine) = (cosf(0.7), sinf(0.7))
    for sample in 0..<30 {
      let (a, b) = (sample * 7, sample * 7 + 1)
      let (x, y) = (changed.tensors[2].elements[a], changed.tensors[2].elements[b])
      changed.tensors[2].elements[a] = cosine * x - sine * y
      changed.tensors[2].elements[b] = sine * x + cosine * y
    }
    // Single-precision kernels of a few dozen features.
    expectClose(try normalizedHSIC(changed), original, tolerance: 1e-5)
  }

  @Test("nHSIC is symmetric, in 0…1, and 1 on the diagonal and between equal taps")
  func range() throws {
    var same = features
    same.tensors[1] = same.tensors[0]
    let dependence = try same.dependence(tileSize: 8, estimator: .biased)
    let matrix = dependence.normalizedHSIC
    #expect(abs(matrix[0, 1] - 1) < 1e-12)
    #expect(matrix.diagonal == [1, 1, 1])
    #expect(matrix == matrix.transposed)
    #expect(matrix.elements.allSatisfy { $0 >= 0 && $0 <= 1 + 1e-12 })
  }

  @Test("a tap that does not vary is named", arguments: [Float(0), 2.7])
  func degenerate(value: Float) throws {
    var dead = features
    dead.tensors[1] = Tensor(shape: dead.tensors[1].shape, repeating: value)
    for estimator in HSICEstimator.allCases {
      let error = #expect(throws: ImportanceError.self) {
        try dead.dependence(tileSize: 8, estimator: estimator)
      }
      #expect(error?.code == .degenerateFeatures)
      #expect(error?.message.contains("block") == true)
    }
  }

  @Test("statistics of other taps are refused")
  func foreign() throws {
    var reduction = ScoreReduction(
      layout: TileLayout(samples: 30, tileSize: 10), taps: ["a", "b", "c"])
    let statistics = try features.statistics(TilePair(first: 0, second: 0), tileSize: 10)
    #expect(throws: ImportanceError.self) { try reduction.add(statistics) }
  }

  @Test("importance falls with redundancy, with mean 1 or as published")
  func importance() throws {
    let dependence = try features.dependence(tileSize: 8, estimator: .biased)
    let scores = ImportanceScores(dependence, scale: .normalised(beta: 2))
    let published = ImportanceScores(dependence, scale: .published(beta: 2))
    let sums = (0..<3).map { i in
      (0..<3).reduce(0) { i == $1 ? $0 : $0 + scores.nhsic[i][$1] }
    }
    let shares = sums.map { $0 / sums.reduce(0, +) }
    expectClose(scores.redundancy, shares.map { 3 * $0 }, tolerance: 1e-14)
    expectClose(published.importance, shares.map { exp(-2 * $0) }, tolerance: 1e-14)
    let raw = shares.map { exp(-2 * (3 * $0 - 1)) }
    expectClose(
      scores.importance, raw.map { $0 * 3 / raw.reduce(0, +) }, tolerance: 1e-14)
    #expect(scores.digest == published.digest)
    var bytes = Data()
    for value in scores.nhsic.flatMap(\.self) {
      withUnsafeBytes(of: value.bitPattern.littleEndian) { bytes.append(contentsOf: $0) }
    }
    #expect(scores.digest == Digest(of: bytes))
    let decoded = try JSONDecoder().decode(
      ImportanceScores.self, from: try JSONEncoder().encode(scores))
    #expect(decoded == scores)
  }

  private struct Golden: Decodable {
    var samples: Int
    var features: [[Float]]
    var biased: [Double]
    var unbiased: [Double]
    var nhsic: [Double]
    var redundancy: [Double]
    var importance: [Double]
  }

  @Test("scores agree with NumPy")
  func golden() throws {
    let golden = try JSONDecoder().decode(
      Golden.self,
      from: try Data(contentsOf: Fixtures.url("hsic.json", module: "Importance")))
    var features = TestFeatures(samples: golden.samples, seed: 0)
    features.tensors = golden.features.map {
      Tensor(shape: [golden.samples, $0.count / golden.samples], elements: $0)
    }
    let biased = try features.dependence(tileSize: 5, estimator: .biased)
    let unbiased = try features.dependence(tileSize: 5, estimator: .unbiased)
    let scores = ImportanceScores(biased)
    // Kernels are single precision here, double there; entries reach 1000.
    expectClose(biased.values.elements, golden.biased, tolerance: 1e-4)
    expectClose(unbiased.values.elements, golden.unbiased, tolerance: 1e-4)
    expectClose(scores.nhsic.flatMap(\.self), golden.nhsic, tolerance: 1e-6)
    expectClose(scores.redundancy, golden.redundancy, tolerance: 1e-6)
    expectClose(scores.importance, golden.importance, tolerance: 1e-6)
  }
}
