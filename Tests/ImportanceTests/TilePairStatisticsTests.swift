import Foundation
import LinearAlgebra
import Tensors
import TestSupport
import Testing

@testable import Importance

@Suite("Tile statistics", .tags(.pure)) struct TilePairStatisticsTests {
  private let features = TestFeatures(samples: 23, seed: 1)

  @Test(
    "tiles add up to the whole-matrix formula",
    arguments: [1, 5, 7, 22, 23, 40], HSICEstimator.allCases)
  func tiles(tileSize: Int, estimator: HSICEstimator) throws {
    let tiled = try features.dependence(tileSize: tileSize, estimator: estimator)
    let whole = features.wholeMatrixHSIC(estimator)
    let scale = whole.elements.map(abs).max() ?? 1
    // Integer features have exact kernels, so only the sums in double are compared.
    expectClose(
      tiled.values.elements, whole.elements,
      tolerance: scale * (estimator == .biased ? 1e-12 : 1e-9))
  }

  @Test("the result is the same bits for any number of threads", arguments: [true, false])
  func threads(diagonal: Bool) throws {
    let real = TestFeatures(samples: 40, seed: 2, integers: false)
    let pair = TilePair(first: 0, second: diagonal ? 0 : 1)
    let results = try [1, 2, 4].map { threads in
      try TilePairStatistics.compute(
        pair: pair, taps: real.taps, first: real.slice(0..<20),
        second: diagonal ? nil : real.slice(20..<40),
        centres: TilePairStatistics.channelMeans(of: real.slice(0..<20)), threads: threads)
    }
    #expect(results[0] == results[1] && results[1] == results[2])
    #expect(results[0].encoded() == results[2].encoded())
  }

  @Test("centres do not change HSIC")
  func centres() throws {
    let plain = try features.dependence(tileSize: 6, estimator: .biased)
    let means = TilePairStatistics.channelMeans(of: features.tensors)
    let centred = try features.dependence(tileSize: 6, estimator: .biased, centres: means)
    let scale = plain.values.elements.map(abs).max() ?? 1
    expectClose(centred.values.elements, plain.values.elements, tolerance: scale * 1e-5)
  }

  @Test("channel means are those over samples and space")
  func channelMeans() {
    let tensor = Tensor(shape: [2, 2, 1, 2], elements: [1, 2, 3, 4, 5, 6, 7, 8])
    #expect(TilePairStatistics.channelMeans(of: [tensor]) == [[3.5, 5.5]])
  }

  @Test("a tap with NaN or infinity is named", arguments: [Float.nan, .infinity, 1e30])
  func nonFinite(value: Float) {
    var tensors = features.slice(0..<5)
    tensors[1].elements[3] = value
    let error = #expect(throws: ImportanceError.self) {
      try TilePairStatistics.compute(
        pair: TilePair(first: 0, second: 0), taps: features.taps, first: tensors, second: nil,
        centres: features.taps.map { _ in [] }, threads: 2)
    }
    #expect(error?.code == .nonFiniteActivations)
    #expect(error?.message.contains(features.taps[1]) == true)
  }

  @Test("features of two tiles that differ in shape are refused")
  func shapes() {
    var second = features.slice(5..<10)
    second[2] = Tensor(shape: [5, 3])
    let error = #expect(throws: ImportanceError.self) {
      try TilePairStatistics.compute(
        pair: TilePair(first: 0, second: 1), taps: features.taps, first: features.slice(0..<5),
        second: second, centres: features.taps.map { _ in [] }, threads: 1)
    }
    #expect(error?.code == .shapeMismatch)
  }

  @Test("a record is read as it was written, and refused when damaged")
  func records() throws {
    for pair in [TilePair(first: 2, second: 2), TilePair(first: 0, second: 3)] {
      let statistics = try features.statistics(pair, tileSize: 6)
      let data = statistics.encoded()
      #expect(try TilePairStatistics(decoding: data) == statistics)
      for damaged in [data.dropLast(), data + Data([0]), Data(), Data(data.reversed())] {
        let error = #expect(throws: ImportanceError.self) {
          try TilePairStatistics(decoding: damaged)
        }
        #expect(error?.code == .corrupted)
      }
      var huge = data
      for byte in 24..<31 { huge[byte] = 0x7f }
      #expect(throws: ImportanceError.self) { try TilePairStatistics(decoding: huge) }
    }
  }
}
