/// How N samples are cut into tiles of m, the last one possibly smaller.
///
/// The recipe fixes it, never the number of workers: sums over tiles are then the same bits
/// whoever computes them.
public struct TileLayout: Sendable, Hashable, Codable {
  /// N.
  public let samples: Int
  /// m.
  public let tileSize: Int

  public init(samples: Int, tileSize: Int) {
    precondition(samples > 0 && tileSize > 0, "\(samples) samples in tiles of \(tileSize)")
    self.samples = samples
    self.tileSize = tileSize
  }

  /// The number of tiles.
  public var tiles: Int { (samples + tileSize - 1) / tileSize }

  /// The samples of a tile.
  public func range(of tile: Int) -> Range<Int> {
    precondition((0..<tiles).contains(tile), "tile \(tile) of \(tiles)")
    return tile * tileSize..<min((tile + 1) * tileSize, samples)
  }

  /// The pairs that an estimator needs, in the order in which statistics are added.
  public func pairs(for estimator: HSICEstimator) -> [TilePair] {
    switch estimator {
    case .biased, .unbiased: pairs
    case .minibatch: (0..<tiles).map { TilePair(first: $0, second: $0) }
    }
  }

  /// Every pair s ≤ t in the order in which statistics are added: (0,0), (0,1), …, (1,1), ….
  public var pairs: [TilePair] {
    (0..<tiles).flatMap { s in (s..<tiles).map { TilePair(first: s, second: $0) } }
  }
}

/// A block (s, t), s ≤ t, of the kernel matrices.
public struct TilePair: Sendable, Hashable, Codable, CustomStringConvertible {
  public let first: Int
  public let second: Int

  public init(first: Int, second: Int) {
    precondition(0 <= first && first <= second, "tiles (\(first), \(second)) are no pair s ≤ t")
    self.first = first
    self.second = second
  }

  /// Whether the block lies on the diagonal of the kernel matrix.
  public var isDiagonal: Bool { first == second }

  public var description: String { "(\(first), \(second))" }
}
