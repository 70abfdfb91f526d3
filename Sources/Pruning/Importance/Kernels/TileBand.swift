import LinearAlgebra
import Tensors

/// A band of columns of all tiles' features, laid out for products.
struct TileBand {
  /// By tile.
  private(set) var rows: [SlicedMatrix<Float>]
  private let zeros: Zeros

  /// Bytes of a band of all tiles: a part of a third-level cache.
  private static let size = 2 << 20

  /// In memory of its own.
  ///
  /// - Parameter images: In each tile.
  init(images: [Int], columns: Int) {
    let memory = BandMemory(byteCount: Self.byteCount(images: images, columns: columns))
    self.init(images: images, columns: columns, at: memory.base, of: memory)
  }

  /// In memory that others may have as well, ``byteCount(images:columns:)`` bytes at a multiple of 64,
  /// and that lives as long as `owner` does.
  init(
    images: [Int], columns: Int, at memory: UnsafeMutableRawPointer,
    of owner: any AnyObject & Sendable
  ) {
    var place = memory
    func take(_ bytes: Int) -> LentMemory {
      defer { place += Self.rounded(bytes) }
      return LentMemory(at: place, of: owner)
    }
    zeros = Zeros(base: place.bindMemory(to: UInt8.self, capacity: images.count))
    place += Self.rounded(images.count)
    rows = images.map { rows in
      SlicedMatrix(
        rows: rows, columns: columns,
        in: take(SlicedMatrix<Float>.byteCount(rows: rows, columns: columns)))
    }
  }

  /// Bytes of a band.
  static func byteCount(images: [Int], columns: Int) -> Int {
    images.reduce(rounded(images.count)) { sum, rows in
      sum + rounded(SlicedMatrix<Float>.byteCount(rows: rows, columns: columns))
    }
  }

  /// Columns of a band, whole slices.
  ///
  /// - Parameters:
  ///   - images: Of all tiles.
  ///   - widest: Features of an image at a tap, at most.
  static func columns(images: Int, widest: Int) -> Int {
    let slice = SlicedMatrix<Float>.sliceWidth
    let slices = size / (4 * slice * max(images, 1))
    return min(max(slices, 1), (widest + slice - 1) / slice) * slice
  }

  private static func rounded(_ bytes: Int) -> Int { (bytes + 63) / 64 * 64 }

  /// Columns that there is memory for.
  var capacity: Int { rows[0].capacity }

  /// Makes the next columns, no more, the band. They count as there, and are to be written before
  /// anybody multiplies: here or by another process.
  mutating func begin(columns: Int) {
    for tile in rows.indices {
      rows[tile].clear(columns: columns)
      rows[tile].fill()
    }
  }

  /// Writes a tile's features from a column on; several threads may, each its own tiles.
  func write(_ tile: Int, _ features: TileFeatures, from column: Int, isZero: Bool) {
    var row = 0
    for batch in features.batches {
      rows[tile].write(
        batch.elements, width: features.shape.elementCount, from: column, at: row,
        centre: features.centre)
      row += batch.shape[0]
    }
    zeros.base[tile] = isZero ? 1 : 0
  }

  /// Whether all features of a tile at the tap are zero.
  func isZero(_ tile: Int) -> Bool { zeros.base[tile] != 0 }
}

/// A byte for each tile, in the memory of a band.
private struct Zeros: @unchecked Sendable {
  // Unchecked: one writes, and others read afterwards.
  let base: UnsafeMutablePointer<UInt8>
}

/// Memory for vectors.
private final class BandMemory: @unchecked Sendable {
  // Unchecked: only an address.
  let base: UnsafeMutableRawPointer

  init(byteCount: Int) { base = .allocate(byteCount: byteCount, alignment: 64) }

  deinit { base.deallocate() }
}
