/// Neighbouring tiles taken together, so that sums over parts of the images can be formed later.
///
/// At most 16 blocks: enough for an error estimate with 15 degrees of freedom, few enough that what
/// is kept for each of them does not weigh.
struct TileBlocks: Sendable, Hashable {
  static let limit = 16

  let layout: TileLayout
  /// G.
  var count: Int { min(layout.tiles, Self.limit) }

  /// The block of a tile.
  func block(of tile: Int) -> Int { tile * count / layout.tiles }

  /// The samples of a block.
  func range(of block: Int) -> Range<Int> {
    let tiles = (0..<layout.tiles).filter { self.block(of: $0) == block }
    guard let first = tiles.first, let last = tiles.last else { return 0..<0 }
    return layout.range(of: first).lowerBound..<layout.range(of: last).upperBound
  }

  var all: [Int] { Array(0..<count) }
  /// Every other block: two halves that share no image.
  var halves: (even: [Int], odd: [Int]) {
    (all.filter { $0.isMultiple(of: 2) }, all.filter { !$0.isMultiple(of: 2) })
  }
}
