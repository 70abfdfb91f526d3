import LinearAlgebra
import Tensors

/// Collects the input moments of one consumer while images pass by, and, where a target is to be
/// fitted, its moments with the input: the target's channels are then further columns of the Gram.
///
/// Positions are subsampled: image i contributes output positions i mod s, i mod s + s, … for a
/// stride s that shares no factor with the map's width, so that no column of the map is preferred.
/// Products are in single precision over blocks of positions, of inputs less their mean over the
/// first block: what they are rounded by is then relative to the variation of the input, not to its
/// size. They are summed in `Double`. Blocks do not depend on how images are batched, so neither
/// does the result.
public struct GramCollector: Sendable {
  public let geometry: ConsumerGeometry
  /// s.
  public let positionStride: Int

  private var gram: InputGram
  /// Images seen, which rotate the first position.
  private var images = 0
  /// The mean of the first block; empty before.
  private var centre: [Float] = []
  /// Channels of the target.
  private let targets: Int
  /// U and the target of the current block, `[columns + targets + 1, block]`; the last row is ones,
  /// which makes the sums a part of the same product.
  private var block: [Float]
  private var filled = 0
  /// U Uᵀ of one block, upper triangle.
  private var product: [Float]
  private var padded: PaddedImage

  /// Positions per product: enough to run the product at full speed, few enough that its rounding
  /// stays at that of a single float.
  private static let blockSize = 1024

  /// - Parameters:
  ///   - targets: Channels of the target, if there is one.
  ///   - positionsPerImage: How many positions of a large map to take, about; all of a small one.
  public init(geometry: ConsumerGeometry, targets: Int = 0, positionsPerImage: Int = 64) {
    precondition(positionsPerImage > 0, "\(positionsPerImage) positions per image")
    self.geometry = geometry
    self.targets = targets
    positionStride = Self.stride(of: geometry, positionsPerImage: positionsPerImage)
    let columns = geometry.columns + targets
    gram = InputGram(columns: columns, positionStride: positionStride)
    block = [Float](repeating: 1, count: (columns + 1) * Self.blockSize)
    product = [Float](repeating: 0, count: (columns + 1) * (columns + 1))
    padded = PaddedImage(geometry)
  }

  private static func stride(of geometry: ConsumerGeometry, positionsPerImage: Int) -> Int {
    var stride = max((geometry.positions + positionsPerImage - 1) / positionsPerImage, 1)
    while greatestCommonDivisor(stride, geometry.outputWidth) > 1 { stride += 1 }
    return stride
  }

  private static func greatestCommonDivisor(_ a: Int, _ b: Int) -> Int {
    b == 0 ? a : greatestCommonDivisor(b, a % b)
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
    let size = geometry.channels * geometry.height * geometry.width
    guard let count = input.shape.first, input.count == count * size,
      (target?.count ?? 0) == count * targets * (targets > 0 ? geometry.positions : 0)
    else {
      throw RecoveryError(
        .shapeMismatch,
        """
        an input of shape \(input.shape) and a target of shape \(target?.shape ?? []) for a layer that reads \(geometry.channels) × \
        \(geometry.height) × \(geometry.width)
        """)
    }
    for image in 0..<count {
      padded.load(input.elements, at: image * size)
      let first = images % positionStride
      images += 1
      // The rotation may pass the end of a map smaller than the stride: such an image has none.
      var positions = Array(
        Swift.stride(from: first, to: geometry.positions, by: positionStride))[...]
      while !positions.isEmpty {
        let part = positions.prefix(Self.blockSize - filled)
        unfold(part)
        if let target { place(target, image: image, part) }
        filled += part.count
        positions = positions.dropFirst(part.count)
        if filled == Self.blockSize { try flush() }
      }
    }
  }

  /// The moments of everything added.
  public mutating func finish() throws -> InputGram {
    try flush()
    return gram
  }

  /// Writes the unfolded input of some positions of the loaded image into the block.
  private mutating func unfold(_ positions: ArraySlice<Int>) {
    let origins = positions.map { padded.origin(ofPosition: $0) }
    let offsets = padded.columnOffsets
    let (blockSize, start) = (Self.blockSize, filled)
    padded.elements.withUnsafeBufferPointer { image in
      block.withUnsafeMutableBufferPointer { block in
        for (column, offset) in offsets.enumerated() {
          let target = column * blockSize + start
          for (index, origin) in origins.enumerated() {
            block[target + index] = image[origin + offset]
          }
        }
      }
    }
  }

  /// Writes the target at some positions of an image into the block.
  private mutating func place(_ target: Tensor, image: Int, _ positions: ArraySlice<Int>) {
    for channel in 0..<targets {
      let source = (image * targets + channel) * geometry.positions
      let row = (geometry.columns + channel) * Self.blockSize + filled
      for (index, position) in positions.enumerated() {
        block[row + index] = target.elements[source + position]
      }
    }
  }

  /// Subtracts the centre from the block, from all rows but the ones.
  private mutating func centreBlock() {
    if centre.isEmpty {
      centre = (0..<gram.columns).map { row in
        let inputs = block[row * Self.blockSize..<row * Self.blockSize + filled]
        return Float(inputs.reduce(0) { $0 + Double($1) } / Double(filled))
      }
    }
    block.withUnsafeMutableBufferPointer { block in
      for (row, shift) in centre.enumerated() {
        let start = row * Self.blockSize
        for index in start..<start + filled { block[index] -= shift }
      }
    }
  }

  /// Adds the block's moments, with the centre c put back:
  ///
  ///     Σ u uᵀ = Σ v vᵀ + c (Σ v)ᵀ + (Σ v) cᵀ + n c cᵀ        v = u − c
  private mutating func addProduct(rows: Int) {
    let (columns, count) = (gram.columns, Double(filled))
    let shift = centre.map(Double.init)
    let sums = (0..<columns).map { Double(product[$0 * rows + columns]) }
    let totals = (0..<columns).map { sums[$0] + count * shift[$0] }
    gram.products.withUnsafeMutableBufferPointer { products in
      var position = 0
      for i in 0..<columns {
        for j in i..<columns {
          let centred = Double(product[i * rows + j]) + sums[i] * shift[j]
          products[position] += centred + shift[i] * totals[j]
          position += 1
        }
      }
    }
    for i in 0..<columns { gram.sums[i] += totals[i] }
  }

  private mutating func flush() throws {
    guard filled > 0 else { return }
    centreBlock()
    let rows = gram.columns + 1
    FloatProducts.addUpperGram(
      rows: block, inner: filled, stride: Self.blockSize, m: rows, accumulate: false,
      into: &product)
    addProduct(rows: rows)
    gram.positions += filled
    filled = 0
    guard gram.squares.allSatisfy(\.isFinite) else {
      throw RecoveryError(
        .nonFiniteActivations,
        """
        inputs of a layer of \(gram.columns) columns are not finite or overflow; check the model \
        and the scaling of its input
        """)
    }
  }
}

/// One image with its zero padding, and where unfolded elements lie in it.
private struct PaddedImage: Sendable {
  private(set) var elements: [Float]
  /// Where each column's element lies, from the origin of a position.
  let columnOffsets: [Int]
  private let geometry: ConsumerGeometry
  private let rowLength: Int
  private let planeSize: Int

  init(_ geometry: ConsumerGeometry) {
    let rows = geometry.height + geometry.padsBefore[0] + geometry.padsAfter[0]
    let rowLength = geometry.width + geometry.padsBefore[1] + geometry.padsAfter[1]
    self.geometry = geometry
    self.rowLength = rowLength
    planeSize = rows * rowLength
    elements = [Float](repeating: 0, count: geometry.channels * rows * rowLength)
    columnOffsets = (0..<geometry.channels).flatMap { channel in
      (0..<geometry.kernel[0]).flatMap { y in
        (0..<geometry.kernel[1]).map { x in
          channel * rows * rowLength + y * geometry.dilations[0] * rowLength
            + x * geometry.dilations[1]
        }
      }
    }
  }

  /// Where the window of an output position begins.
  func origin(ofPosition position: Int) -> Int {
    let (y, x) = position.quotientAndRemainder(dividingBy: geometry.outputWidth)
    return y * geometry.strides[0] * rowLength + x * geometry.strides[1]
  }

  /// Copies the image that starts at `start` between the pads.
  mutating func load(_ source: [Float], at start: Int) {
    let (height, width) = (geometry.height, geometry.width)
    let corner = geometry.padsBefore[0] * rowLength + geometry.padsBefore[1]
    source.withUnsafeBufferPointer { source in
      for channel in 0..<geometry.channels {
        for y in 0..<height {
          let from = start + (channel * height + y) * width
          let to = channel * planeSize + corner + y * rowLength
          for x in 0..<width { elements[to + x] = source[from + x] }
        }
      }
    }
  }
}
