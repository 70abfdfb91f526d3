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
    moments = BlockMoments(columns: geometry.columns + targets, positionStride: blocks.stride)
  }

  /// Adds images.
  ///
  /// - Parameters:
  ///   - input: The consumer's input, `[n, C, H, W]`; `[n, K]` or any shape that flattens to it for
  ///     a fully connected layer.
  ///   - target: What its output should be, `[n, targets, H', W']`.
  /// - Throws: ``RecoveryError`` with `shapeMismatch` or `nonFiniteActivations`.
  /// - Complexity: O(positions · columns²) float operations.
  public mutating func add(input: Tensor, target: Tensor? = nil) throws {
    try blocks.add(input: input, maps: target.map { [$0] } ?? [], to: &moments)
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
  private(set) var gram: InputGram
  /// How many times the mean of each image counts besides its positions.
  private let meanWeight: Int
  /// The mean of the first block; empty before.
  private var centre: [Float] = []
  /// U Uᵀ of one block, upper triangle.
  private var product: [Float]

  init(columns: Int, positionStride: Int, meanWeight: Int = 0) {
    self.meanWeight = meanWeight
    gram = InputGram(columns: columns, positionStride: positionStride)
    product = [Float](repeating: 0, count: (columns + 1) * (columns + 1))
  }

  /// - Parameter block: Of the columns, and after them a row of ones.
  mutating func take(_ block: inout [Float], images: [Int]) throws {
    let positions = images.reduce(0, +)
    subtractCentre(from: &block, positions: positions)
    let rows = gram.columns + 1
    let places = PositionBlocks.appendMeans(
      to: &block, rows: rows, images: images, weight: meanWeight)
    FloatProducts.addUpperGram(
      rows: block, inner: places, stride: PositionBlocks.rowLength, m: rows, accumulate: false,
      into: &product)
    addProduct(rows: rows, positions: positions * (1 + meanWeight))
    gram.positions += positions * (1 + meanWeight)
    for place in positions..<places { block[gram.columns * PositionBlocks.rowLength + place] = 1 }
    guard gram.squares.allSatisfy(\.isFinite) else {
      throw RecoveryError(
        .nonFiniteActivations,
        """
        inputs of a layer of \(gram.columns) columns are not finite or overflow; check the model \
        and the scaling of its input
        """)
    }
  }

  private mutating func subtractCentre(from block: inout [Float], positions: Int) {
    let size = PositionBlocks.rowLength
    if centre.isEmpty {
      centre = (0..<gram.columns).map { row in
        let inputs = block[row * size..<row * size + positions]
        return Float(inputs.reduce(0) { $0 + Double($1) } / Double(positions))
      }
    }
    PositionBlocks.subtract(centre, from: &block, positions: positions)
  }

  /// Adds the block's moments, with the centre c put back:
  ///
  ///     Σ u uᵀ = Σ v vᵀ + c (Σ v)ᵀ + (Σ v) cᵀ + n c cᵀ        v = u − c
  private mutating func addProduct(rows: Int, positions: Int) {
    let (columns, count) = (gram.columns, Double(positions))
    let shift = centre.map(Double.init)
    let sums = (0..<columns).map { Double(product[$0 * rows + columns]) }
    let totals = (0..<columns).map { sums[$0] + count * shift[$0] }
    gram.products.withUnsafeMutableBufferPointer { products in
      shift.withUnsafeBufferPointer { shift in
        totals.withUnsafeBufferPointer { totals in
          product.withUnsafeBufferPointer { product in
            var position = 0
            for i in 0..<columns {
              let (sum, centre) = (sums[i], shift[i])
              for j in i..<columns {
                let centred = Double(product[i &* rows &+ j]) + sum * shift[j]
                products[position] += centred + centre * totals[j]
                position &+= 1
              }
            }
          }
        }
      }
    }
    for i in 0..<columns { gram.sums[i] += totals[i] }
  }
}
