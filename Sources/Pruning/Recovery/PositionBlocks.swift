import Tensors

/// What takes blocks of positions.
protocol BlockConsumer {
  /// - Parameters:
  ///   - block: Rows ``PositionBlocks/rowLength`` apart; all but the row of ones may be changed,
  ///     they are filled anew for the next.
  ///   - images: How many places of each row belong to each image, in order.
  mutating func take(_ block: inout [Float], images: [Int]) throws
}

/// Unfolds sampled output positions of images into blocks of a fixed size.
///
/// Positions are subsampled: image i contributes output positions i mod s, i mod s + s, … for a
/// stride s that shares no factor with the map's width, so that no column of the map is preferred.
/// Blocks do not depend on how images are batched.
struct PositionBlocks: Sendable {
  /// Positions per block, at most: enough to run products at full speed, few enough that their
  /// rounding stays at that of a single float.
  static let size = 1024
  /// Places of a row: room for a block's positions and for one mean of each of its images, and no
  /// power of two, which would put all rows into the same lines of a cache.
  static let rowLength = 2 * size + 32

  let geometry: ConsumerGeometry
  /// s.
  let stride: Int
  /// Channels of maps that are sampled where the layer's output is, one row each.
  let companions: [Int]

  /// Images seen, which rotate the first position.
  private var images = 0
  /// `[columns + companions[0] + 1 + companions[1] + …, rowLength]`. The row after the first companion
  /// (after the columns if there is none) is ones, which makes sums a part of a product.
  private var block: [Float]
  private var filled = 0
  /// Positions of each image in the block.
  private var parts: [Int] = []
  private var planes: PaddedPlanes

  init(geometry: ConsumerGeometry, companions: [Int] = [], positionsPerImage: Int) {
    precondition(positionsPerImage > 0, "\(positionsPerImage) positions per image")
    self.geometry = geometry
    self.companions = companions
    stride = geometry.positionStride(positionsPerImage: positionsPerImage)
    let rows = geometry.columns + companions.reduce(1, +)
    block = [Float](repeating: 1, count: rows * Self.rowLength)
    planes = PaddedPlanes(geometry)
  }

  /// Adds images; full blocks go to the consumer.
  ///
  /// - Parameters:
  ///   - input: The layer's input, `[n, C, H, W]` or any shape that flattens to it.
  ///   - maps: The companions, `[n, channels, H', W']` each.
  ///   - range: Which of the n images to add; nil for all of them.
  /// - Throws: ``RecoveryError`` with `shapeMismatch`, and what the consumer throws.
  mutating func add(
    input: Tensor, maps: [Tensor] = [], images range: Range<Int>? = nil,
    to consumer: inout some BlockConsumer
  ) throws {
    let size = geometry.channels * geometry.height * geometry.width
    guard let count = input.shape.first, input.count == count * size,
      maps.map(\.count) == companions.map({ count * $0 * geometry.positions })
    else {
      throw RecoveryError(
        .shapeMismatch,
        """
        an input of shape \(input.shape) and targets of shapes \(maps.map(\.shape)) for a layer \
        that reads \(geometry.channels) × \(geometry.height) × \(geometry.width)
        """)
    }
    // Of the block that is being filled: all are written at once, channel by channel.
    var fresh: [ImagePositions] = []
    func flushFull() throws {
      write(fresh, input: input, maps: maps)
      fresh = []
      try flush(to: &consumer)
    }
    for image in range ?? 0..<count {
      let first = images % stride
      images += 1
      // The rotation may pass the end of a map smaller than the stride: such an image has none.
      var positions = Array(Swift.stride(from: first, to: geometry.positions, by: stride))[...]
      // An image stays in one block, if one holds it.
      if filled + positions.count > Self.size { try flushFull() }
      while !positions.isEmpty {
        let part = ImagePositions(
          image: image, positions: Array(positions.prefix(Self.size - filled)), start: filled)
        fresh.append(part)
        filled += part.positions.count
        parts.append(part.positions.count)
        positions = positions.dropFirst(part.positions.count)
        if filled == Self.size { try flushFull() }
      }
    }
    write(fresh, input: input, maps: maps)
  }

  /// Gives the consumer some of the images of several inputs, which come one after the other, and
  /// nothing else: what was added before must have been flushed.
  mutating func add(
    images range: Range<Int>, of inputs: [Tensor], to consumer: inout some BlockConsumer
  ) throws {
    restart(after: range.lowerBound)
    var first = 0
    for input in inputs {
      let own = first..<first + (input.shape.first ?? 0)
      let taken = range.clamped(to: own)
      try add(
        input: input, images: taken.lowerBound - first..<taken.upperBound - first, to: &consumer)
      first = own.upperBound
    }
    try flush(to: &consumer)
  }

  /// Gives the consumer what is left.
  mutating func flush(to consumer: inout some BlockConsumer) throws {
    guard filled > 0 else { return }
    try consumer.take(&block, images: parts)
    filled = 0
    parts = []
  }

  /// Begins anew, as if so many images had been seen.
  ///
  /// - Precondition: Nothing is left: the blocks were flushed.
  mutating func restart(after seen: Int = 0) {
    precondition(filled == 0, "\(filled) positions are left")
    images = seen
  }

  /// How many positions the first images contribute.
  func positions(ofFirst images: Int) -> Int {
    let (rounds, rest) = images.quotientAndRemainder(dividingBy: stride)
    // A round of the rotation takes every position once.
    return rounds * geometry.positions
      + (0..<rest).reduce(0) { $0 + max(0, geometry.positions - $1 + stride - 1) / stride }
  }

  /// Subtracts from the positions of the first rows an element of `centre` each.
  static func subtract(_ centre: [Float], from rows: inout [Float], positions: Int) {
    rows.withUnsafeMutableBufferPointer { rows in
      for (row, shift) in centre.enumerated() {
        for index in row * rowLength..<row * rowLength + positions { rows[index] -= shift }
      }
    }
  }

  /// Appends to each row its mean over every image, times the root of weight · positions: products
  /// of rows then hold the images' means besides, weight times.
  ///
  /// - Returns: How many places there are now.
  static func appendMeans(
    to rows: inout [Float], rows count: Int, images: [Int], weight: Int
  ) -> Int {
    let filled = images.reduce(0, +)
    guard weight > 0 else { return filled }
    rows.withUnsafeMutableBufferPointer { rows in
      for row in 0..<count {
        let start = row * rowLength
        var place = start
        for (image, positions) in images.enumerated() {
          var sum: Float = 0
          for index in place..<place + positions { sum += rows[index] }
          rows[start + filled + image] = sum * (Float(weight) / Float(positions)).squareRoot()
          place += positions
        }
      }
    }
    return filled + images.count
  }

  /// Writes positions of some images into the block.
  private mutating func write(_ parts: [ImagePositions], input: Tensor, maps: [Tensor]) {
    guard !parts.isEmpty else { return }
    block.withUnsafeMutableBufferPointer { block in
      guard var row = block.baseAddress else { return }
      planes.unfold(parts, of: input, into: row, rowsApart: Self.rowLength)
      row += geometry.columns * Self.rowLength
      for (index, map) in maps.enumerated() {
        map.sample(
          parts, channels: companions[index], positions: geometry.positions, into: row,
          rowsApart: Self.rowLength)
        // Behind the first there are ones.
        row += (companions[index] + (index == 0 ? 1 : 0)) * Self.rowLength
      }
    }
  }
}

/// Positions of one image that follow one another in a block.
struct ImagePositions {
  /// Its place in the input.
  var image: Int
  var positions: [Int]
  /// Where in the rows of the block they begin.
  var start: Int
}

extension Tensor {
  /// What a map `[n, channels, …]` has at some positions, a row for each channel.
  fileprivate func sample(
    _ parts: [ImagePositions], channels: Int, positions: Int,
    into row: UnsafeMutablePointer<Float>, rowsApart: Int
  ) {
    elements.withUnsafeBufferPointer { map in
      guard let map = map.baseAddress else { return }
      for part in parts {
        let places = GatheredPlaces(part.positions)
        for channel in 0..<channels {
          places.gather(
            from: map + (part.image * channels + channel) * positions,
            into: row + (channel * rowsApart + part.start))
        }
      }
    }
  }
}
