import LinearAlgebra
import Parallelism
import Synchronization
import Tensors

/// Kernels of some pairs of tiles, one tap after the other.
///
/// Features are laid out for products in bands of columns, all tiles' at a time: what is multiplied
/// stays near, and the little memory that it takes is used again, however large the features are. The
/// bits do not depend on the width of a band, nor on how many processes lay it out.
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
  private let images: [Int]
  private let threads: Int
  /// One; or the slots of a ring.
  private var bands: [TileBand]
  /// Shared with those who write the other tiles.
  private let ring: SharedRing?
  /// Bands so far.
  private var step = 0

  /// - Parameters:
  ///   - images: In each tile.
  ///   - widest: Features of an image at a tap, at most.
  ///   - threads: How many blocks to work on at a time.
  ///   - ring: With ``slots`` slots of ``slotByteCount(images:widest:)`` bytes, where other processes
  ///     bring some of the tiles and have blocks of their own; nil for one that works alone.
  public init(
    _ blocks: [Block], images: [Int], widest: Int, threads: Int, sharing ring: SharedRing? = nil
  ) {
    (self.blocks, self.images, self.threads, self.ring) = (blocks, images, threads, ring)
    let columns = TileBand.columns(images: images.reduce(0, +), widest: widest)
    bands =
      ring.map { ring in
        (0..<Self.slots).map {
          TileBand(images: images, columns: columns, at: ring.slot($0), of: ring)
        }
      } ?? [TileBand(images: images, columns: columns)]
  }

  /// Bands that each writes before it reads: so nobody need be as quick as the others at every band.
  private static let lead = 2

  /// Bands that processes share at a time: those that are written before, the one that is read, and one
  /// that another still reads.
  public static let slots = lead + 2

  /// Bytes of a band.
  public static func slotByteCount(images: [Int], widest: Int) -> Int {
    TileBand.byteCount(
      images: images, columns: TileBand.columns(images: images.reduce(0, +), widest: widest))
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
        first.centre == other.centre, first.images == images[block.first],
        other.images == images[block.second ?? block.first]
      else {
        throw ImportanceError(
          .shapeMismatch,
          """
          tap '\(tap)' in tiles \(block.pair): features of \(first.images) and \(other.images) \
          images of shapes \(first.shape) and \(other.shape), or less different centres
          """)
      }
    }
    let (products, squares, zeros) = try products(of: tiles, withSquares: bandwidth != nil)
    let kernels = try parallelMap(count: blocks.count, threads: threads) { [blocks] place in
      let block = blocks[place]
      let other = block.second ?? block.first
      var values = products[place]
      if let bandwidth {
        values = SquaredDistances(values, squares[block.first], squares[other]).kernel(bandwidth)
      }
      return TileKernel(
        block.pair, values, tap: tap, tiles[block.first], block.second.map { tiles[$0] },
        isZero: zeros[block.first])
    }
    for (kernel, block) in zip(kernels, blocks) where kernel.fault != nil {
      // Which image it is, only they know who have the features.
      guard tiles[block.first].isHere, tiles[block.second ?? block.first].isHere else {
        throw SharedRing.Broken(
          "tap '\(tap)' in tiles \(block.pair) is to be looked at where its features are")
      }
    }
    return kernels
  }

  /// Inner products of the images of each block, and with themselves of each tile; and which tiles are
  /// zero.
  mutating func products(
    of tiles: [TileFeatures], withSquares: Bool
  ) throws -> (products: [Matrix], squares: [[Double]], zeros: [Bool]) {
    let products = blocks.map { block in
      MatrixSum(rows: images[block.first], columns: images[block.second ?? block.first])
    }
    var squares = images.map { [Double](repeating: 0, count: $0) }
    var zeros = tiles.map { $0.isHere && $0.areZero }
    let width = tiles[0].shape.elementCount
    let capacity = bands[0].capacity
    let count = (width + capacity - 1) / capacity
    var written = 0
    for number in 0..<count {
      // Alone there is no memory to write another one before this one is read.
      while written < count, written <= number + (ring == nil ? 0 : Self.lead) {
        try write(tiles, zeros, from: written * capacity, step: step + written)
        written += 1
      }
      try ring?.waitForAll(step + number)
      let band = bands[(step + number) % bands.count]
      try parallelFor(count: blocks.count, threads: threads) { [blocks] place in
        let block = blocks[place]
        products[place].add(band.rows[block.first], block.second.map { band.rows[$0] })
      }
      if withSquares {
        for tile in tiles.indices { band.rows[tile].addSquares(to: &squares[tile]) }
      }
      if number == count - 1 { zeros = tiles.indices.map(band.isZero) }
      ring?.release(step + number)
    }
    step += count
    return (zip(products, blocks).map { $0.whole(isSymmetric: $1.second == nil) }, squares, zeros)
  }
}

extension TileKernels {
  /// Lays the tiles that are here out in a band, from a column on.
  private mutating func write(
    _ tiles: [TileFeatures], _ zeros: [Bool], from column: Int, step: Int
  ) throws {
    let slot = step % bands.count
    try ring?.waitForRoom(step)
    let width = tiles[0].shape.elementCount
    bands[slot].begin(columns: min(bands[slot].capacity, width - column))
    let (band, here) = (bands[slot], tiles.indices.filter { tiles[$0].isHere })
    try parallelFor(count: here.count, threads: threads) { place in
      let tile = here[place]
      band.write(tile, tiles[tile], from: column, isZero: zeros[tile])
    }
    ring?.publish(step)
  }
}

/// A product in the making.
private final class MatrixSum: Sendable {
  private let sum: Mutex<Matrix>

  init(rows: Int, columns: Int) { sum = Mutex(Matrix(rows: rows, columns: columns)) }

  func add(_ x: SlicedMatrix<Float>, _ y: SlicedMatrix<Float>?) {
    sum.withLock { x.addProduct(with: y, to: &$0) }
  }

  func whole(isSymmetric: Bool) -> Matrix {
    sum.withLock { sum in
      if isSymmetric { sum.mirrorUpperTriangle() }
      return sum
    }
  }
}
