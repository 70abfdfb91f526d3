import Foundation
import Recovery
import TestSupport
import Testing

@Suite("BatchNorm statistics", .tags(.pure)) struct BatchNormalizationStatisticsTests {
  /// Two channels of three batches of different sizes.
  private let batches: [[[Double]]] = {
    var generator = SeededGenerator(seed: 4)
    return [8, 5, 2].map { size in
      (0..<2).map { _ in (0..<size).map { _ in Double.random(in: -2...3, using: &generator) } }
    }
  }()

  private func moments(_ x: [Double]) -> (mean: Double, variance: Double) {
    let mean = x.reduce(0, +) / Double(x.count)
    return (mean, x.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(x.count))
  }

  private func statistics(_ batches: [[[Double]]]) throws -> BatchNormalizationStatistics {
    var statistics = BatchNormalizationStatistics(channels: 2)
    for batch in batches {
      try statistics.add(
        mean: batch.map { Float(moments($0).mean) },
        variance: batch.map { Float(moments($0).variance) }, count: batch[0].count)
    }
    return statistics
  }

  @Test("pooled moments are those of all elements together")
  func pooled() throws {
    let pooled = try statistics(batches).pooled
    let whole = (0..<2).map { channel in moments(batches.flatMap { $0[channel] }) }
    expectClose(pooled.mean, whole.map { Float($0.mean) }, tolerance: 1e-6)
    expectClose(pooled.variance, whole.map { Float($0.variance) }, tolerance: 1e-5)
  }

  @Test("averaged moments are the mean over batches, variances unbiased, as in PyTorch")
  func averaged() throws {
    let averaged = try statistics(batches).averaged
    for channel in 0..<2 {
      let parts = batches.map { moments($0[channel]) }
      let mean = parts.reduce(0) { $0 + $1.mean } / 3
      let variance = zip(parts, batches).reduce(0) { sum, part in
        let n = Double(part.1[channel].count)
        return sum + part.0.variance * n / (n - 1) / 3
      }
      #expect(abs(Double(averaged.mean[channel]) - mean) < 1e-6)
      #expect(abs(Double(averaged.variance[channel]) - variance) < 1e-5)
    }
  }

  @Test("shards add up, and records are exact")
  func shards() throws {
    var sum = try statistics([batches[0]])
    let rest = try statistics(Array(batches[1...]))
    try sum.add(try BatchNormalizationStatistics(decoding: rest.encoded()))
    let whole = try statistics(batches)
    #expect(sum.batches == 3 && sum.elements == 15)
    expectClose(sum.pooled.mean, whole.pooled.mean, tolerance: 1e-6)
    #expect(try BatchNormalizationStatistics(decoding: sum.encoded()) == sum)
    #expect(throws: RecoveryError.self) {
      try BatchNormalizationStatistics(decoding: sum.encoded().dropLast())
    }
    #expect(throws: RecoveryError.self) { try sum.add(BatchNormalizationStatistics(channels: 3)) }
    #expect(throws: RecoveryError.self) {
      try sum.add(mean: [0, .nan], variance: [1, 1], count: 4)
    }
  }
}
