import Foundation
import LinearAlgebra
import Parallelism
import Tensors

/// The kernel that compares two images at a tap.
public enum KernelKind: String, Sendable, Hashable, Codable, CaseIterable {
  /// k(x, y) = xᵀy of centred features: what ITPruner uses.
  case linear
  /// k(x, y) = exp(−‖x − y‖² / (2σ²)), with σ² the median of ‖x − y‖² over the pairs of different
  /// images of tile 0, or their mean where the median is zero.
  case rbf
}

/// What is measured on tile 0 and fixed for all tiles: centres, and bandwidths of the RBF kernel.
///
/// Reference of the median heuristic: Gretton et al., JMLR 13 (2012), §8; as a fraction of the
/// median it is the CKA of Kornblith et al., ICML 2019.
public struct KernelReference: Sendable, Hashable {
  public let kernel: KernelKind
  /// Per tap what is subtracted from the features: the mean of every channel. HSIC does not depend
  /// on it, cancellation does.
  public let centres: [[Float]]
  /// σ² per tap; empty for the linear kernel. Zero where all images are the same.
  public let bandwidths: [Double]

  public init(kernel: KernelKind, centres: [[Float]], bandwidths: [Double] = []) {
    precondition(
      bandwidths.count == (kernel == .rbf ? centres.count : 0),
      "\(bandwidths.count) bandwidths for \(centres.count) taps and a \(kernel) kernel")
    self.kernel = kernel
    self.centres = centres
    self.bandwidths = bandwidths
  }

  /// Measures the reference.
  ///
  /// - Parameters:
  ///   - taps: Names, for errors.
  ///   - origin: Features of tile 0, one tensor `[m, …]` per tap.
  ///   - threads: How many taps to work on at a time.
  /// - Throws: ``ImportanceError`` with `nonFiniteActivations`, naming the taps, `shapeMismatch`, or
  ///   `tooFewSamples` for a bandwidth of one image.
  public static func measure(
    _ kernel: KernelKind, taps: [String], origin: [Tensor], threads: Int
  ) throws -> KernelReference {
    guard taps.count == origin.count, origin.allSatisfy({ $0.rank > 0 && $0.count > 0 }) else {
      throw ImportanceError(
        .shapeMismatch, "\(origin.count) feature tensors, or empty ones, for \(taps.count) taps")
    }
    let means = try parallelMap(count: taps.count, threads: threads) { ChannelMeans(origin[$0]) }
    let linear = try KernelReference(taps: taps, means: means)
    guard kernel == .rbf else { return linear }
    let tile = try zip(origin, linear.centres).map(TileFeatures.init)
    let bandwidths = try parallelMap(count: taps.count, threads: threads) {
      try bandwidth(of: tile[$0], tap: taps[$0])
    }
    return KernelReference(kernel: .rbf, centres: linear.centres, bandwidths: bandwidths)
  }

  /// The reference of the linear kernel.
  ///
  /// - Parameter means: Of the first images of tile 0, one for each tap.
  /// - Throws: ``ImportanceError`` with `nonFiniteActivations`, naming the taps.
  public init(taps: [String], means: [ChannelMeans]) throws {
    let faults = zip(taps, means).compactMap { $1.fault(tap: $0) }
    guard faults.isEmpty else { throw ImportanceError.nonFinite(faults) }
    self.init(kernel: .linear, centres: means.map(\.values))
  }

  /// σ² of the RBF kernel at a tap; nil for the linear kernel.
  public func bandwidth(of tap: Int) -> Double? { kernel == .rbf ? bandwidths[tap] : nil }

  /// σ² of a tap from the features of the whole tile 0.
  ///
  /// - Throws: ``ImportanceError`` with `nonFiniteActivations`, naming the tap, or `tooFewSamples`
  ///   for one image.
  public static func bandwidth(of origin: TileFeatures, tap: String) throws -> Double {
    guard origin.images > 1 else {
      throw ImportanceError(
        .tooFewSamples,
        """
        the RBF kernel's bandwidth is a median over pairs of images of tile 0, which has only one; \
        use larger tiles
        """)
    }
    var kernels = TileKernels(
      [.init(TilePair(first: 0, second: 0), first: 0, second: nil)], images: [origin.images],
      widest: origin.shape.elementCount, threads: 1)
    let (products, squares, _) = try kernels.products(of: [origin], withSquares: true)
    let bandwidth = Self.bandwidth(
      SquaredDistances(products[0], squares[0], squares[0]).values)
    guard bandwidth.isFinite else {
      throw ImportanceError.nonFinite([TapFault(first: origin, tap: tap, tile: 0)])
    }
    return bandwidth
  }

  /// The median of the entries above the diagonal, or their mean where it is zero.
  static func bandwidth(_ distances: Matrix) -> Double {
    let pairs = (0..<distances.rows).flatMap { i in
      (i + 1..<distances.rows).map { distances[i, $0] }
    }
    // NaN has no place in an order.
    guard pairs.allSatisfy(\.isFinite) else { return .nan }
    let sorted = pairs.sorted()
    let median = (sorted[(sorted.count - 1) / 2] + sorted[sorted.count / 2]) / 2
    return median > 0 ? median : sorted.reduce(0, +) / Double(sorted.count)
  }
}

extension KernelReference {
  private static let record = "EKRF"
  private static let version: UInt32 = 1

  /// The reference as a compact little-endian record.
  public func encoded() -> Data {
    var writer = RecordWriter(kind: Self.record, version: Self.version)
    writer.write(kernel.rawValue)
    writer.write(centres.count)
    for centre in centres {
      writer.write(centre.count)
      writer.write(centre)
    }
    writer.write(bandwidths)
    return writer.data
  }

  /// Reads a record.
  ///
  /// - Throws: ``ImportanceError`` with `corrupted`.
  public init(decoding data: Data) throws {
    do {
      var reader = try RecordReader(data, kind: Self.record, version: Self.version)
      let name = try reader.text()
      guard let kernel = KernelKind(rawValue: name) else {
        throw ImportanceError(.corrupted, "kernel reference: a kernel '\(name)' is not known")
      }
      let count = try reader.integer(in: 0...data.count)
      let centres = try (0..<count).map { _ in
        try reader.floats(try reader.integer(in: 0...data.count))
      }
      let bandwidths = try reader.doubles(kernel == .rbf ? count : 0)
      try reader.finish()
      guard bandwidths.allSatisfy({ $0.isFinite && $0 >= 0 }),
        centres.allSatisfy({ $0.allSatisfy(\.isFinite) })
      else { throw ImportanceError(.corrupted, "kernel reference: numbers out of range") }
      self.init(kernel: kernel, centres: centres, bandwidths: bandwidths)
    } catch let error as LinearAlgebraError {
      throw ImportanceError(.corrupted, "kernel reference: \(error.message)")
    }
  }
}
