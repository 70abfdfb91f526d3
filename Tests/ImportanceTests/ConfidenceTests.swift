import Foundation
import LinearAlgebra
import Tensors
import TestSupport
import Testing

@testable import Importance

@Suite("Confidence of importances", .tags(.pure)) struct ConfidenceTests {
  /// Images that share a latent number with every tap, to a different degree each.
  private func features(_ samples: Int, seed: UInt64) -> TestFeatures {
    var generator = SeededGenerator(seed: seed)
    func normal() -> Float {
      let (u, v) = (
        Double.random(in: 1e-12...1, using: &generator), Double.random(in: 0...1, using: &generator)
      )
      return Float((-2 * log(u)).squareRoot() * cos(2 * .pi * v))
    }
    var features = TestFeatures(samples: samples, seed: 0)
    features.tensors = (0..<3).map { _ in Tensor(shape: [samples, 4]) }
    for sample in 0..<samples {
      let latent = normal()
      for (tap, share) in [Float(0.9), 0.6, 0.2].enumerated() {
        for feature in 0..<4 {
          features.tensors[tap].elements[sample * 4 + feature] =
            share * latent + (1 - share * share).squareRoot() * normal()
        }
      }
    }
    return features
  }

  @Test(
    "sums of some blocks are those of their images alone", arguments: HSICEstimator.allCases,
    [[0], [1, 2], [0, 3], [0, 1, 2, 3]])
  func blocks(estimator: HSICEstimator, chosen: [Int]) throws {
    let features = TestFeatures(samples: 37, seed: 5)
    let reduction = try features.reduction(tileSize: 10, estimator: estimator)
    #expect(reduction.blocks.count == 4)
    var parts = features
    let images = chosen.flatMap { Array(reduction.blocks.range(of: $0)) }
    parts.tensors = features.tensors.map { $0.gathering(images, axis: 0) }
    // Only the last tile is smaller, so tiles of the parts are tiles of the whole.
    let alone = try parts.dependence(tileSize: 10, estimator: estimator)
    let together = try reduction.dependence(of: chosen)
    let scale = alone.values.elements.map(abs).max() ?? 1
    expectClose(
      together.values.elements, alone.values.elements, tolerance: scale * 1e-9)
    #expect(together.samples == alone.samples)
  }

  @Test("at most 16 blocks cover all tiles, evenly", arguments: [1, 2, 16, 17, 100])
  func division(tiles: Int) {
    let blocks = TileBlocks(layout: TileLayout(samples: tiles * 3 - 1, tileSize: 3))
    #expect(blocks.count == min(tiles, 16))
    #expect(blocks.all.flatMap { Array(blocks.range(of: $0)) } == Array(0..<tiles * 3 - 1))
    let sizes = blocks.all.map { blocks.range(of: $0).count }
    #expect((sizes.max() ?? 0) - (sizes.min() ?? 0) <= 4)
  }

  @Test("intervals are the jackknife's, computed from the images again")
  func jackknife() throws {
    let features = features(60, seed: 6)
    let reduction = try features.reduction(tileSize: 10, estimator: .biased)
    let scale = ImportanceScale.normalised(beta: 1.5)
    func logs(_ images: [Int]) -> [Double] {
      let values = features.wholeMatrixHSIC(.biased, images: images)
      let dependence = DependenceMatrix(
        taps: features.taps, estimator: .biased, samples: images.count, values: values)
      return ImportanceScores(dependence, scale: scale).importance.map { log($0) }
    }
    let parts = (0..<6).map { left in logs((0..<60).filter { $0 / 10 != left }) }
    let confidence = reduction.confidence(scale: scale)
    #expect(confidence.blocks == 6)
    for (tap, centre) in logs(Array(0..<60)).enumerated() {
      let mean = parts.reduce(0) { $0 + $1[tap] } / 6
      let variance = parts.reduce(0) { $0 + pow($1[tap] - mean, 2) } * 5 / 6
      let half = 2.570581835636314 * variance.squareRoot()
      let interval = try #require(confidence.intervals.dropFirst(tap).first)
      // Kernels are single precision there, double here.
      expectClose(
        [interval.lower, interval.upper], [exp(centre - half), exp(centre + half)], tolerance: 1e-5)
    }
    let halves = [0, 1].map { half in logs((0..<60).filter { $0 / 10 % 2 == half }) }
    let expected = rankCorrelation(halves[0], halves[1])
    #expect(confidence.halvesRankCorrelation == expected && expected != nil)
  }

  @Test("intervals cover what many images say about as often as they promise")
  func coverage() throws {
    let truth = ImportanceScores(
      try features(2000, seed: 99).dependence(tileSize: 500, estimator: .unbiased)
    ).importance
    var covered = 0
    for seed in 0..<30 {
      let reduction = try features(160, seed: UInt64(1000 + seed))
        .reduction(tileSize: 10, estimator: .unbiased)
      let intervals = reduction.confidence().intervals
      covered += zip(intervals, truth).filter { $0.lower <= $1 && $1 <= $0.upper }.count
    }
    // 90 intervals at 95 %, the three of a set not independent: 86 ± 3 · 3 if they were exact; the
    // jackknife of a ratio of small samples covers a little less.
    #expect((76...90).contains(covered))
  }

  @Test("the verdict follows the halves, and is open where there is nothing to compare")
  func verdicts() throws {
    let many = try features(400, seed: 7).reduction(tileSize: 25, estimator: .biased).confidence()
    #expect(many.halvesRankCorrelation == 1 && many.verdict == .stable)
    #expect(many.intervals.count == 3 && many.blocks == 16)
    let one = try features(40, seed: 7).reduction(tileSize: 40, estimator: .biased).confidence()
    #expect(one.verdict == .unknown && one.intervals.isEmpty)
    // Taps that do not depend on each other: the order is chance, and halves show it.
    let verdicts = try (0..<12).map { seed in
      let noise = TestFeatures(samples: 40, seed: UInt64(50 + seed), integers: false, linked: false)
      return try noise.reduction(tileSize: 5, estimator: .unbiased).confidence().verdict
    }
    #expect(verdicts.contains(.unstable))
    #expect(
      ScoreConfidence(blocks: 4, intervals: [], halvesRankCorrelation: 0.89).verdict == .unstable)
    #expect(
      ScoreConfidence(blocks: 4, intervals: [], halvesRankCorrelation: 0.9).verdict == .stable)
  }

  @Test("rank correlations agree with SciPy")
  func ranks() {
    // scipy.stats.spearmanr of the same lists.
    let cases: [([Double], [Double], Double?)] = [
      ([1, 2, 3, 4, 5], [2, 1, 4, 3, 5], 0.8),
      ([1, 2, 2, 4, 5, 5, 5], [7, 3, 3, 9, 1, 2, 2], -0.7431605356175384),
      ([1, 2, 3], [9, 5, 2], -1), ([1, 1, 1], [1, 2, 3], nil), ([1], [1], nil), ([], [], nil),
    ]
    for (x, y, expected) in cases {
      let found = rankCorrelation(x, y)
      #expect((found == nil) == (expected == nil))
      if let found, let expected { #expect(abs(found - expected) < 1e-12) }
    }
  }

  @Test("confidence survives JSON")
  func coding() throws {
    let reduction = try features(60, seed: 6).reduction(tileSize: 10, estimator: .biased)
    let scores = ImportanceScores(
      try reduction.dependence(), confidence: reduction.confidence())
    let decoded = try JSONDecoder().decode(
      ImportanceScores.self, from: try JSONEncoder().encode(scores))
    #expect(decoded == scores)
  }
}
