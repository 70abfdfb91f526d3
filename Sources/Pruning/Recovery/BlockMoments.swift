import LinearAlgebra

/// Sums the moments of blocks.
///
/// Products are in single precision over some blocks of positions, of inputs less their mean over the
/// first block: what they are rounded by is then relative to the variation of the input, not to its
/// size. They are summed in `Double`.
struct BlockMoments: BlockConsumer, Sendable {
  private let columns: Int
  private let positionStride: Int
  /// How many times the mean of each image counts besides its positions.
  private let meanWeight: Int
  /// For each column of the Gram, that of the block.
  private let places: [Int]
  /// By column: the mean of the first block; empty before.
  private(set) var centre: [Float]
  /// V Vᵀ of the last blocks, V being the inputs less the centre, and a row of ones; upper triangle.
  private var product: [Float]
  /// The rows that went into it.
  private var pending = 0
  /// The sum of those before.
  private var sums: [Double]
  private var positions = 0

  /// - Parameters:
  ///   - targets: Channels of the target, further columns.
  ///   - centre: Empty for the mean of what comes first.
  init(
    _ geometry: ConsumerGeometry, targets: Int, positionStride: Int, meanWeight: Int,
    centre: [Float] = []
  ) {
    self.centre = centre
    columns = geometry.columns + targets
    self.positionStride = positionStride
    self.meanWeight = meanWeight
    var places = Array(0..<columns)
    for (place, column) in InputWindows(geometry).columns.enumerated() { places[column] = place }
    self.places = places
    product = [Float](repeating: 0, count: (columns + 1) * (columns + 1))
    sums = [Double](repeating: 0, count: (columns + 1) * (columns + 1))
  }

  /// What it takes for a layer, in bytes.
  static func bytes(_ geometry: ConsumerGeometry, targets: Int) -> Int {
    let rows = geometry.columns + targets + 1
    return 12 * rows * rows
  }

  /// Rows of a product in single precision, about: few enough that its rounding stays at that of a
  /// single float, and many enough that its sum takes little of the time.
  private static let rowsOfProduct = 1024

  mutating func take(_ block: inout FloatRows, images: [BlockImage]) throws {
    let positions = images.positions
    subtractCentre(from: &block, positions: positions)
    let ones = columns
    let rows = block.appendMeans(ofFirstColumns: columns + 1, images: images, weight: meanWeight)
    block.writeUpperGram(
      ofFirstColumns: columns + 1, rows: rows, adding: pending > 0, into: &product)
    pending += rows
    self.positions += positions * (1 + meanWeight)
    for row in positions..<rows { block.elements[row * block.rowLength + ones] = 1 }
    guard (0..<columns).allSatisfy({ product[$0 * (columns + 2)].isFinite }) else {
      throw RecoveryError.nonFinite(columns: columns)
    }
    if pending >= Self.rowsOfProduct {
      sums.add(product)
      pending = 0
    }
  }

  private mutating func subtractCentre(from block: inout FloatRows, positions: Int) {
    if centre.isEmpty {
      var totals = [Double](repeating: 0, count: columns)
      block.addRows(0..<positions, columns: 0..<columns, to: &totals)
      centre = totals.map { Float($0 / Double(positions)) }
    }
    block.subtract(centre, rows: positions)
  }

  /// Adds those of other images.
  mutating func add(_ other: BlockMoments) {
    precondition(other.centre == centre && other.columns == columns, "moments about other centres")
    if pending > 0 { sums.add(product) }
    if other.pending > 0 { sums.add(other.product) }
    pending = 0
    for place in sums.indices { sums[place] += other.sums[place] }
    positions += other.positions
  }

  /// The moments of all blocks, with the centre c put back:
  ///
  ///     Σ u uᵀ = Σ v vᵀ + c (Σ v)ᵀ + (Σ v) cᵀ + n c cᵀ        v = u − c
  mutating func gram() -> InputGram {
    var gram = InputGram(columns: columns, positionStride: positionStride)
    guard positions > 0 else { return gram }
    gram.positions = positions
    if pending > 0 { sums.add(product) }
    pending = 0
    let (rows, count) = (columns + 1, Double(positions))
    let shift = centre.map(Double.init)
    let parts = (0..<columns).map { sums[$0 * rows + columns] }
    let totals = (0..<columns).map { parts[$0] + count * shift[$0] }
    gram.sums = places.map { totals[$0] }
    gram.products.withUnsafeMutableBufferPointer { products in
      sums.withUnsafeBufferPointer { sums in
        var position = 0
        for (column, i) in places.enumerated() {
          for j in places[column...] {
            let sum = sums[min(i, j) &* rows &+ max(i, j)]
            products[position] = sum + parts[i] * shift[j] + shift[i] * totals[j]
            position &+= 1
          }
        }
      }
    }
    return gram
  }
}
