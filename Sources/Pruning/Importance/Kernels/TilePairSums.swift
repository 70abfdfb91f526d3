import LinearAlgebra

/// The statistics of a pair of tiles in the making: its kernels, one for each tap.
///
/// Copies share the memory of the kernels: only one of them is to be added to.
public struct TilePairSums: Sendable {
  private let pair: TilePair
  private let taps: [String]
  /// `[L, m_s m_t]`; nil before the first.
  private var kernels: SlicedMatrix<Double>?
  private var rowSums: [[Double]]
  private var columnSums: [[Double]]
  private var diagonals: [[Double]]
  private var faults: [Int: TapFault] = [:]
  private var deadTaps: Set<Int> = []

  /// - Parameter taps: Names, for errors and for the scores.
  public init(_ pair: TilePair, taps: [String]) {
    (self.pair, self.taps) = (pair, taps)
    rowSums = taps.map { _ in [] }
    (columnSums, diagonals) = (rowSums, rowSums)
  }

  /// Bytes of the kernels of all taps, and of two that are being made.
  public static func byteCount(taps: Int, images: Int) -> Int {
    SlicedMatrix<Double>.byteCount(rows: taps, columns: images * images) + 2 * 8 * images * images
  }

  /// Adds the kernel of a tap, each once and in any order.
  public mutating func add(_ kernel: TileKernel, at tap: Int) {
    let kernels =
      kernels ?? SlicedMatrix(rows: taps.count, columns: kernel.values.elements.count)
    self.kernels = kernels
    kernels.write(kernel.values.elements, at: tap)
    rowSums[tap] = kernel.rowSums
    if pair.isDiagonal {
      diagonals[tap] = kernel.values.diagonal
    } else {
      columnSums[tap] = kernel.columnSums
    }
    faults[tap] = kernel.fault
    if kernel.isDead { deadTaps.insert(tap) }
  }

  /// The statistics, once all kernels are there.
  ///
  /// - Throws: ``ImportanceError`` with `nonFiniteActivations`, naming all taps concerned, or
  ///   `shapeMismatch` where a kernel is missing.
  /// - Complexity: O(L² m_s m_t).
  public func statistics() throws -> TilePairStatistics {
    guard faults.isEmpty else {
      throw ImportanceError.nonFinite(faults.sorted { $0.key < $1.key }.map(\.value))
    }
    guard var kernels, rowSums.allSatisfy({ !$0.isEmpty }) else {
      throw ImportanceError(
        .shapeMismatch, "tiles \(pair): kernels are missing for some of \(taps.count) taps")
    }
    kernels.fill()
    let weight: Double = pair.isDiagonal ? 1 : 2
    let products = kernels.gram
    return TilePairStatistics(
      pair: pair, taps: taps,
      products: taps.indices.flatMap { i in
        (i..<taps.count).map { weight * products[i, $0] }
      },
      rowSums: Self.stacked(rowSums), columnSums: Self.stacked(columnSums),
      diagonals: Self.stacked(diagonals), deadTaps: deadTaps.sorted())
  }

  private static func stacked(_ rows: [[Double]]) -> Matrix {
    Matrix(rows: rows.count, columns: rows.first?.count ?? 0, elements: rows.flatMap(\.self))
  }
}
