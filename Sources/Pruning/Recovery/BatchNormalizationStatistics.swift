import Foundation
import LinearAlgebra

/// Mean and variance of a BatchNorm's input per channel, combined from batches.
///
/// Kept as sums, which are additive over shards; add shards in their order, because floating-point
/// addition is not associative.
public struct BatchNormalizationStatistics: Sendable, Hashable {
  /// A mean and a variance per channel, as a BatchNorm stores them.
  public struct Moments: Sendable, Hashable {
    public let mean: [Float]
    public let variance: [Float]
  }

  public var channels: Int { meanSums.count }
  public private(set) var batches = 0
  /// Elements per channel, over all batches.
  public private(set) var elements = 0
  /// Σ over batches of the mean, and of the variance with Bessel's correction.
  private var meanSums: [Double]
  private var varianceSums: [Double]
  /// Σ over elements of x, and of x².
  private var sums: [Double]
  private var squares: [Double]

  /// The statistics of no batches.
  public init(channels: Int) {
    precondition(channels > 0, "\(channels) channels")
    let zeros = [Double](repeating: 0, count: channels)
    (meanSums, varianceSums, sums, squares) = (zeros, zeros, zeros, zeros)
  }

  /// Adds one batch.
  ///
  /// - Parameters:
  ///   - mean: Per channel, over batch and space.
  ///   - variance: Biased, divided by `count`.
  ///   - count: Elements per channel: images × positions.
  /// - Throws: ``RecoveryError`` with `shapeMismatch` or `nonFiniteActivations`.
  public mutating func add(mean: [Float], variance: [Float], count: Int) throws {
    guard mean.count == channels, variance.count == channels, count > 0 else {
      throw RecoveryError(
        .shapeMismatch,
        """
        \(mean.count) means and \(variance.count) variances of \(count) elements for a BatchNorm \
        of \(channels) channels
        """)
    }
    guard (mean + variance).allSatisfy(\.isFinite) else {
      throw RecoveryError(
        .nonFiniteActivations, "a BatchNorm of \(channels) channels has an input that is not finite"
      )
    }
    let n = Double(count)
    for channel in 0..<channels {
      let (m, v) = (Double(mean[channel]), Double(variance[channel]))
      meanSums[channel] += m
      varianceSums[channel] += count > 1 ? v * n / (n - 1) : v
      sums[channel] += n * m
      squares[channel] += n * (v + m * m)
    }
    batches += 1
    elements += count
  }

  /// Adds the batches of another shard.
  public mutating func add(_ other: BatchNormalizationStatistics) throws {
    guard channels == other.channels else {
      throw RecoveryError(
        .shapeMismatch,
        "statistics of \(other.channels) channels added to ones of \(channels)")
    }
    for channel in 0..<channels {
      meanSums[channel] += other.meanSums[channel]
      varianceSums[channel] += other.varianceSums[channel]
      sums[channel] += other.sums[channel]
      squares[channel] += other.squares[channel]
    }
    batches += other.batches
    elements += other.elements
  }

  /// The average of the batches' means and unbiased variances: PyTorch's cumulative average
  /// (`momentum=None`), what a network trained with batch statistics expects.
  ///
  /// - Precondition: At least one batch.
  public var averaged: Moments {
    precondition(batches > 0, "no batches to average")
    let n = Double(batches)
    return Moments(
      mean: meanSums.map { Float($0 / n) }, variance: varianceSums.map { Float($0 / n) })
  }

  /// Mean and biased variance over all elements, as if they had been one batch.
  ///
  /// - Precondition: At least one batch.
  public var pooled: Moments {
    precondition(batches > 0, "no batches to pool")
    let n = Double(elements)
    return Moments(
      mean: sums.map { Float($0 / n) },
      variance: zip(sums, squares).map { sum, square in
        Float(max(square / n - (sum / n) * (sum / n), 0))
      })
  }
}

extension BatchNormalizationStatistics {
  private static let kind = "EBNS"
  private static let version: UInt32 = 1

  /// The statistics as a compact little-endian record.
  public func encoded() -> Data {
    var writer = RecordWriter(kind: Self.kind, version: Self.version)
    for number in [channels, batches, elements] { writer.write(number) }
    for numbers in [meanSums, varianceSums, sums, squares] { writer.write(numbers) }
    return writer.data
  }

  /// Reads a record.
  ///
  /// - Throws: ``RecoveryError`` with `corrupted`.
  public init(decoding data: Data) throws {
    self = try decodingRecord("BatchNorm statistics") {
      var reader = try RecordReader(data, kind: Self.kind, version: Self.version)
      let channels = try reader.integer(in: 1...data.count)
      var statistics = Self(channels: channels)
      statistics.batches = try reader.integer(in: 0...Int.max)
      statistics.elements = try reader.integer(in: 0...Int.max)
      statistics.meanSums = try reader.doubles(channels)
      statistics.varianceSums = try reader.doubles(channels)
      statistics.sums = try reader.doubles(channels)
      statistics.squares = try reader.doubles(channels)
      try reader.finish()
      return statistics
    }
  }
}
