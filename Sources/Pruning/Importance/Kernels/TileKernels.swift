import LinearAlgebra
import Parallelism
import Synchronization
import Tensors

/// Kernels of some pairs of tiles, one tap after the other.
///
/// Features are laid out for products in bands of columns, all tiles' at a time: what is multiplied
/// stays near, and the little memory that it takes is used again, however large the features are. The
/// bits do not depend on the width of a band.
public struct TileKernels: Sendable {
  /// A block of the kernel matrices.
  public struct Block: Sendable {
    public var pair: TilePair
    /// Places of tiles s and t; nil on the diagonal.
    public var first: Int
    public var second: Int?

    public init(_ pair: TilePair, first: Int, second: Int?) {
      (self.pair, self.first, self.second) = (pair, first, second)
    }
  }

  private let blocks: [Block]
  private let threads: Int
  /// By tile: a band of its features.
  private var bands: [SlicedMatrix<Float>]
  /// The same, as products by it read it: each tile is multiplied by many.
  private var panels: [SlicedPanels]

  /// Bytes of a band of all tiles: with its panels a part of a third-level cache.
  private static let bandBytes = 8 << 20

  /// - Parameters:
  ///   - images: In each tile.
  ///   - widest: Features of an image at a tap, at most.
  ///   - threads: How many blocks to work on at a time.
  public init(_ blocks: [Block], images: [Int], widest: Int, threads: Int) {
    self.blocks = blocks
    self.threads = threads
    let columns = Self.columns(images: images.reduce(0, +), widest: widest)
    bands = images.map { SlicedMatrix(rows: $0, columns: columns) }
    panels = bands.map { SlicedPanels(rows: $0.rows, columns: $0.capacity) }
  }

  /// Bytes that features of so many tiles take while they are multiplied.
  ///
  /// - Parameter images: In a tile.
  public static func byteCount(images: Int, tiles: Int, widest: Int) -> Int {
    4 * tiles * (images + SlicedPanels.padded(images))
      * columns(images: tiles * images, widest: widest)
  }

  /// Columns of a band, whole slices.
  private static func columns(images: Int, widest: Int) -> Int {
    let slice = SlicedMatrix<Float>.sliceWidth
    let slices = bandBytes / (4 * slice * max(images, 1))
    return min(max(slices, 1), (widest + slice - 1) / slice) * slice
  }

  /// The kernels of all blocks at a tap.
  ///
  /// - Parameters:
  ///   - tiles: The features of each tile, less the tap's centre.
  ///   - tap: Its name, for errors.
  ///   - bandwidth: σ² of the RBF kernel; nil for the linear one.
  /// - Throws: ``ImportanceError`` with `shapeMismatch`.
  /// - Complexity: O(m_s m_t d) for a block, half of it on the diagonal.
  public mutating func kernels(
    of tiles: [TileFeatures], tap: String, bandwidth: Double?
  ) throws -> [TileKernel] {
    for block in blocks {
      let (first, other) = (tiles[block.first], tiles[block.second ?? block.first])
      guard (block.second == nil) == block.pair.isDiagonal, first.shape == other.shape,
        first.centre == other.centre, first.images == bands[block.first].rows,
        other.images == bands[block.second ?? block.first].rows
      else {
        throw ImportanceError(
          .shapeMismatch,
          """
          tap '\(tap)' in tiles \(block.pair): features of \(first.images) and \(other.images) \
          images of shapes \(first.shape) and \(other.shape), or less different centres
          """)
      }
    }
    let (products, squares) = try products(of: tiles, withSquares: bandwidth != nil)
    return try parallelMap(count: blocks.count, threads: threads) { [blocks] place in
      let block = blocks[place]
      let other = block.second ?? block.first
      var values = products[place]
      if let bandwidth {
        values = SquaredDistances(values, squares[block.first], squares[other]).kernel(bandwidth)
      }
      return TileKernel(
        block.pair, values, tap: tap, tiles[block.first], block.second.map { tiles[$0] })
    }
  }

  /// Inner products of the images of each block, and with themselves of each tile.
  mutating func products(
    of tiles: [TileFeatures], withSquares: Bool
  ) throws -> (products: [Matrix], squares: [[Double]]) {
    let products = blocks.map { block in
      MatrixSum(
        rows: tiles[block.first].images, columns: tiles[block.second ?? block.first].images)
    }
    var squares = tiles.map { [Double](repeating: 0, count: $0.images) }
    let batches = tiles.enumerated().flatMap { tile, features in
      var first = 0
      return features.batches.map { batch in
        defer { first += batch.shape[0] }
        return (tile: tile, first: first, features: batch.elements)
      }
    }
    let width = tiles[0].shape.elementCount
    let band = bands[0].capacity
    for start in stride(from: 0, to: width, by: band) {
      for tile in tiles.indices { bands[tile].clear(columns: min(band, width - start)) }
      try parallelFor(count: batches.count, threads: threads) { [bands] place in
        let batch = batches[place]
        bands[batch.tile].write(
          batch.features, width: width, from: start, at: batch.first,
          centre: tiles[batch.tile].centre)
      }
      for tile in tiles.indices {
        bands[tile].fill()
        panels[tile].turn(bands[tile])
      }
      try parallelFor(count: blocks.count, threads: threads) { [blocks, bands, panels] place in
        let block = blocks[place]
        products[place].add(
          bands[block.first], panels[block.second ?? block.first],
          isSymmetric: block.second == nil)
      }
      guard withSquares else { continue }
      for tile in tiles.indices { bands[tile].addSquares(to: &squares[tile]) }
    }
    return (zip(products, blocks).map { $0.whole(isSymmetric: $1.second == nil) }, squares)
  }
}

/// A product in the making.
private final class MatrixSum: Sendable {
  private let sum: Mutex<Matrix>

  init(rows: Int, columns: Int) { sum = Mutex(Matrix(rows: rows, columns: columns)) }

  func add(_ x: SlicedMatrix<Float>, _ y: SlicedPanels, isSymmetric: Bool) {
    sum.withLock { y.addProduct(of: x, isSymmetric: isSymmetric, to: &$0) }
  }

  func whole(isSymmetric: Bool) -> Matrix {
    sum.withLock { sum in
      if isSymmetric { sum.mirrorUpperTriangle() }
      return sum
    }
  }
}
