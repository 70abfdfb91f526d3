import LinearAlgebra
import Tensors

/// Collects the input moments of one consumer while images pass by, and, where a target is to be
/// fitted, its moments with the input: the target's channels are then further columns of the Gram.
///
/// A part of the output positions is taken, by a stride that depends on the layer alone.
public struct GramCollector: Sendable {
  public var geometry: ConsumerGeometry { blocks.geometry }
  /// Every how many-th output position is taken.
  public var positionStride: Int { blocks.stride }

  private var blocks: PositionBlocks
  private var moments: BlockMoments

  /// - Parameters:
  ///   - targets: Channels of the target, if there is one.
  ///   - positionsPerImage: How many positions of a large map to take, about; all of a small one.
  public init(geometry: ConsumerGeometry, targets: Int = 0, positionsPerImage: Int = 64) {
    blocks = PositionBlocks(
      geometry: geometry, companions: targets > 0 ? [targets] : [],
      positionsPerImage: positionsPerImage)
    moments = BlockMoments(geometry, targets: targets, positionStride: blocks.stride)
  }

  /// Adds images.
  ///
  /// - Parameters:
  ///   - input: The consumer's input, `[n, H, W, C]`; `[n, K]` or any shape that flattens to it for
  ///     a fully connected layer.
  ///   - target: What its output should be, `[n, H', W', targets]`.
  /// - Throws: ``RecoveryError`` with `shapeMismatch` or `nonFiniteActivations`.
  /// - Complexity: O(positions · columns²) float operations.
  public mutating func add(input: Tensor, target: Tensor? = nil) throws {
    try blocks.add(input: input, maps: target.map { [ChannelMaps($0)] } ?? [], to: &moments)
  }

  /// The moments of everything added.
  public mutating func finish() throws -> InputGram {
    try blocks.flush(to: &moments)
    return moments.gram
  }
}

/// Sums the moments of blocks.
///
/// Products are in single precision over blocks of positions, of inputs less their mean over the
/// first block: what they are rounded by is then relative to the variation of the input, not to its
/// size. They are summed in `Double`.
struct BlockMoments: BlockConsumer, Sendable {
  private let columns: Int
  private let positionStride: Int
  /// How many times the mean of each image counts besides its positions.
  private let meanWeight: Int
  /// For each column of the Gram, that of the block.
  private let places: [Int]
  /// The mean of the first block; empty before.
  private var centre: [Float] = []
  /// V Vᵀ of one block, V being the inputs less the centre, and a row of ones; upper triangle.
  private var product: [Float]
  /// The sum of those.
  private var sums: [Double]
  private var positions = 0

  /// - Parameter targets: Channels of the target, further columns.
  init(_ geometry: ConsumerGeometry, targets: Int = 0, positionStride: Int, meanWeight: Int = 0) {
    columns = geometry.columns + targets
    self.positionStride = positionStride
    self.meanWeight = meanWeight
    var places = Array(0..<columns)
    for (place, column) in InputWindows(geometry).columns.enumerated() { places[column] = place }
    self.places = places
    product = [Float](repeating: 0, count: (columns + 1) * (columns + 1))
    sums = [Double](repeating: 0, count: (columns + 1) * (columns + 1))
  }

  mutating func take(_ block: inout FloatRows, images: [Int]) throws {
    let positions = images.reduce(0, +)
    subtractCentre(from: &block, positions: positions)
    let ones = columns
    let rows = block.appendMeans(ofFirstColumns: columns + 1, images: images, weight: meanWeight)
    block.writeUpperGram(ofFirstColumns: columns + 1, rows: rows, into: &product)
    self.positions += positions * (1 + meanWeight)
    for row in positions..<rows { block.elements[row * block.rowLength + ones] = 1 }
    guard (0..<columns).allSatisfy({ product[$0 * (columns + 2)].isFinite }) else {
      throw RecoveryError(
        .nonFiniteActivations,
        """
        inputs of a layer of \(columns) columns are not finite or overflow; check the model \
        and the scaling of its input
        """)
    }
    sums.add(product)
  }

  private mutating func subtractCentre(from block: inout FloatRows, positions: Int) {
    if centre.isEmpty {
      var totals = [Double](repeating: 0, count: columns)
      block.addRows(0..<positions, columns: 0..<columns, to: &totals)
      centre = totals.map { Float($0 / Double(positions)) }
    }
    block.subtract(centre, rows: positions)
  }

  /// The moments of all blocks, with the centre c put back:
  ///
  ///     Σ u uᵀ = Σ v vᵀ + c (Σ v)ᵀ + (Σ v) cᵀ + n c cᵀ        v = u − c
  var gram: InputGram {
    var gram = InputGram(columns: columns, positionStride: positionStride)
    guard positions > 0 else { return gram }
    gram.positions = positions
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
