import LinearAlgebra

/// U-statistics of the diagonal tiles, weighted by their images and added by blocks of tiles.
///
/// Memory does not grow with N.
struct MinibatchSums: Sendable {
  let blocks: TileBlocks
  let taps: Int
  /// Σ m_t HSIC_u of the tiles of each block.
  private var weighted: [Matrix]
  /// Σ P_ll / m_t, what rounding is measured against.
  private var squares: [[Double]]
  /// Images in tiles that count.
  private var images: [Int]

  init(layout: TileLayout, taps: Int) {
    blocks = TileBlocks(layout: layout)
    self.taps = taps
    weighted = Array(repeating: Matrix(rows: taps, columns: taps), count: blocks.count)
    squares = Array(repeating: Array(repeating: 0, count: taps), count: blocks.count)
    images = Array(repeating: 0, count: blocks.count)
  }

  mutating func add(_ statistics: TilePairStatistics) {
    let samples = statistics.rowSums.columns
    guard samples >= HSICEstimator.minibatch.minimumSamples else { return }
    let block = blocks.block(of: statistics.pair.first)
    let products = HSICSums.full(statistics.products, order: taps)
    let values = HSICSums(
      samples: samples, products: products, rowSums: statistics.rowSums,
      diagonals: statistics.diagonals
    ).values(.minibatch)
    let weight = Double(samples)
    for index in values.elements.indices {
      weighted[block].elements[index] += weight * values.elements[index]
    }
    for tap in 0..<taps { squares[block][tap] += products[tap, tap] / weight }
    images[block] += samples
  }

  func samples(of chosen: [Int]) -> Int { chosen.reduce(0) { $0 + images[$1] } }

  /// The mean over the tiles of some blocks, and the scale of its diagonal's rounding.
  func values(of chosen: [Int]) -> (values: Matrix, scales: [Double]) {
    let total = Double(samples(of: chosen))
    var mean = Matrix(rows: taps, columns: taps)
    for index in mean.elements.indices {
      mean.elements[index] = chosen.reduce(0) { $0 + weighted[$1].elements[index] } / total
    }
    let scales = (0..<taps).map { tap in chosen.reduce(0) { $0 + squares[$1][tap] } / total }
    return (mean, scales)
  }
}
