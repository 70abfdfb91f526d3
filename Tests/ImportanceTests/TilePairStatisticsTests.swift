import Foundation
import LinearAlgebra
import Tensors
import TestSupport
import Testing

@testable import Importance

@Suite("Tile statistics", .tags(.pure)) struct TilePairStatisticsTests {
  private let features = TestFeatures(samples: 23, seed: 1)

  @Test(
    "tiles add up to the whole-matrix formula, linear or RBF",
    arguments: [2, 5, 7, 22, 23, 40], [HSICEstimator.biased, .unbiased])
  func tiles(tileSize: Int, estimator: HSICEstimator) throws {
    for kernel in KernelKind.allCases {
      let reference = try features.reference(kernel, tileSize: tileSize)
      let tiled = try features.dependence(
        tileSize: tileSize, estimator: estimator, kernel: kernel, reference: reference)
      let whole = features.wholeMatrixHSIC(
        estimator, bandwidths: kernel == .rbf ? reference.bandwidths : nil)
      let scale = whole.elements.map(abs).max() ?? 1
      // Features less a mean, rounded to 24 bits: errors of some 2⁻²³ of the kernels.
      expectClose(tiled.values.elements, whole.elements, tolerance: scale * 2e-6)
    }
  }

  @Test(
    "tiles add up exactly where kernels are exact", arguments: [1, 5, 7, 22, 23, 40],
    [HSICEstimator.biased, .unbiased])
  func exact(tileSize: Int, estimator: HSICEstimator) throws {
    // Integers without a centre have exact kernels, so only the sums in double are compared.
    let tiled = try features.dependence(tileSize: tileSize, estimator: estimator)
    let whole = features.wholeMatrixHSIC(estimator)
    let scale = whole.elements.map(abs).max() ?? 1
    expectClose(
      tiled.values.elements, whole.elements,
      tolerance: scale * (estimator == .biased ? 1e-12 : 1e-9))
  }

  @Test("the minibatch estimator is the mean of the tiles' U-statistics, weighted by images")
  func minibatch() throws {
    // Tiles of 9, 9 and 5 images; then of 10, 10 and 3, the last too small to count.
    for (tileSize, ranges) in [(9, [0..<9, 9..<18, 18..<23]), (10, [0..<10, 10..<20])] {
      let images = Double(ranges.last?.upperBound ?? 0)
      var mean = [Double](repeating: 0, count: 9)
      for range in ranges {
        let part = features.wholeMatrixHSIC(.unbiased, images: Array(range))
        for index in mean.indices {
          mean[index] += part.elements[index] * Double(range.count) / images
        }
      }
      let tiled = try features.dependence(tileSize: tileSize, estimator: .minibatch)
      let scale = mean.map(abs).max() ?? 1
      expectClose(tiled.values.elements, mean, tolerance: scale * 1e-10)
      #expect(tiled.samples == Int(images))
    }
    // In one tile it is the unbiased one.
    let whole = try features.dependence(tileSize: 30, estimator: .unbiased)
    let one = try features.dependence(tileSize: 30, estimator: .minibatch)
    expectClose(one.values.elements, whole.values.elements, tolerance: 1e-9)
  }

  @Test("the bandwidth is the median of the squared distances in tile 0, as NumPy's")
  func bandwidth() throws {
    let x = features.slice(0..<6)[2].elements.map(Double.init)
    let distances = (0..<6).flatMap { i in
      (i + 1..<6).map { j in
        (0..<7).reduce(0.0) {
          $0 + (x[i * 7 + $1] - x[j * 7 + $1]) * (x[i * 7 + $1] - x[j * 7 + $1])
        }
      }
    }
    let measured = try features.reference(.rbf, tileSize: 6)
    // 15 pairs: the middle one. The centre rounds features to 24 bits.
    #expect(abs(measured.bandwidths[2] / distances.sorted()[7] - 1) < 1e-5)
    // 4 images, 6 pairs: the mean of the middle two.
    #expect(
      KernelReference.bandwidth(
        Matrix(rows: 4, columns: 4, elements: (0..<16).map { Double($0 * $0) })) == (9.0 + 36) / 2)
    // Most images the same: the mean instead of a median of zero.
    var same = Matrix(rows: 4, columns: 4)
    same[0, 3] = 12
    #expect(KernelReference.bandwidth(same) == 2)
  }

  @Test("a reference is read as it was written, and refused when damaged")
  func references() throws {
    for kernel in KernelKind.allCases {
      let reference = try features.reference(kernel, tileSize: 8)
      let data = reference.encoded()
      #expect(try KernelReference(decoding: data) == reference)
      for damaged in [data.dropLast(), data + Data([0]), Data(), Data(data.reversed())] {
        let error = #expect(throws: ImportanceError.self) { try KernelReference(decoding: damaged) }
        #expect(error?.code == .corrupted)
      }
    }
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

  @Test(
    "every tap with NaN, infinity or an overflow is named, with its image",
    arguments: [
      (Float.nan, TapFault.Kind.notANumber), (-.infinity, .infinite), (1e30, .overflow),
    ])
  func nonFinite(value: Float, kind: TapFault.Kind) throws {
    var tensors = features.slice(0..<5)
    tensors[1].elements[3 * 10 + 4] = value
    tensors[2].elements[4 * 7] = value
    let error = #expect(throws: ImportanceError.self) {
      try TilePairStatistics.compute(
        pair: TilePair(first: 3, second: 3), taps: features.taps, first: tensors, second: nil,
        centres: features.taps.map { _ in [] }, threads: 2)
    }
    #expect(error?.code == .nonFiniteActivations)
    let overflows = kind == .overflow
    #expect(
      error?.faults == [
        TapFault(tap: "block", kind: kind, tile: 3, image: overflows ? nil : 3),
        TapFault(tap: "head", kind: kind, tile: 3, image: overflows ? nil : 4),
      ])
    #expect(error?.message.contains("block") == true && error?.message.contains("head") == true)
    // In tile 0 they would spoil the centre: found before that.
    let early = #expect(throws: ImportanceError.self) {
      try KernelReference.measure(.rbf, taps: features.taps, origin: tensors, threads: 1)
    }
    #expect(early?.faults.map(\.kind) == [kind, kind])
    #expect(early?.faults.map(\.image) == (overflows ? [nil, nil] : [3, 4]))
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

  @Test("the benchmark measures every stage, with a ragged last tile")
  func benchmark() throws {
    let figures = try ScoreBenchmark.run(features: [512, 300], samples: 20, tileSize: 16)
    #expect(figures.taps == 2 && figures.samples == 20)
    let rates = [figures.peak, figures.sgemm, figures.kernels, figures.fractionOfPeak]
    let seconds = [figures.kernelSeconds, figures.layoutSeconds, figures.pairSeconds]
    #expect((rates + seconds).allSatisfy { $0 > 0 && $0.isFinite })
  }
}
