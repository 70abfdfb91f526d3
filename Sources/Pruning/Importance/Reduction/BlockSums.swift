import LinearAlgebra

/// The sums of all tile pairs, kept by blocks of tiles: HSIC of any set of blocks follows.
///
/// Memory: 8 L N (G + 1) bytes for the row sums and 4 L² G² for the products.
struct BlockSums: Sendable {
  let blocks: TileBlocks
  let taps: Int
  /// Upper triangle of P by rows, for every pair of blocks g ≤ h at `g · G + h`.
  private var products: [[Double]]
  /// Σ_b K_l[a, b] over the images b of block h, `[L, N]` for every h.
  private var rowSums: [Matrix]
  /// δ_l, `[L, N]`.
  private var diagonals: Matrix

  init(layout: TileLayout, taps: Int) {
    blocks = TileBlocks(layout: layout)
    self.taps = taps
    let triangle = [Double](repeating: 0, count: taps * (taps + 1) / 2)
    products = Array(repeating: triangle, count: blocks.count * blocks.count)
    diagonals = Matrix(rows: taps, columns: layout.samples)
    rowSums = Array(repeating: diagonals, count: blocks.count)
  }

  mutating func add(_ statistics: TilePairStatistics) {
    let pair = statistics.pair
    let (g, h) = (blocks.block(of: pair.first), blocks.block(of: pair.second))
    let place = g * blocks.count + h
    for index in products[place].indices { products[place][index] += statistics.products[index] }
    let rows = blocks.layout.range(of: pair.first).lowerBound
    let columns = blocks.layout.range(of: pair.second).lowerBound
    Self.add(statistics.rowSums, to: &rowSums[h], at: rows)
    Self.add(statistics.columnSums, to: &rowSums[g], at: columns)
    Self.add(statistics.diagonals, to: &diagonals, at: rows)
  }

  private static func add(_ part: Matrix, to whole: inout Matrix, at offset: Int) {
    for i in 0..<part.rows {
      for j in 0..<part.columns { whole[i, offset + j] += part[i, j] }
    }
  }

  /// The sums over the images of some blocks, in the order of the blocks.
  func sums(of chosen: [Int]) -> HSICSums {
    var triangle = [Double](repeating: 0, count: taps * (taps + 1) / 2)
    for (place, g) in chosen.enumerated() {
      for h in chosen[place...] {
        let part = products[g * blocks.count + h]
        for index in triangle.indices { triangle[index] += part[index] }
      }
    }
    let samples = chosen.flatMap { blocks.range(of: $0) }
    var rows = Matrix(rows: taps, columns: samples.count)
    var diagonal = rows
    for tap in 0..<taps {
      for (column, sample) in samples.enumerated() {
        rows[tap, column] = chosen.reduce(0) { $0 + rowSums[$1][tap, sample] }
        diagonal[tap, column] = diagonals[tap, sample]
      }
    }
    return HSICSums(
      samples: samples.count, products: HSICSums.full(triangle, order: taps), rowSums: rows,
      diagonals: diagonal)
  }
}
