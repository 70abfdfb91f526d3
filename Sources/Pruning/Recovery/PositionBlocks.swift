import LinearAlgebra
import Tensors

/// What takes blocks of positions.
protocol BlockConsumer {
  /// - Parameters:
  ///   - block: A row for each position; all but the column of ones may be changed, and rows behind
  ///     those of the positions: they are filled anew for the next.
  ///   - images: Whose rows they are, in order.
  mutating func take(_ block: inout FloatRows, images: [BlockImage]) throws
}

/// An image whose positions follow one another in a block: all of them, if a block holds so many.
struct BlockImage {
  /// `[n, H, W, C]` or any shape that flattens to it; nil where its windows are in the block.
  let input: Tensor?
  /// Which of the n it is.
  let index: Int
  /// How many rows are its own.
  let positions: Int
}

extension [BlockImage] {
  /// Of all together.
  var positions: Int { reduce(0) { $0 + $1.positions } }
}

/// Unfolds sampled output positions of images into blocks of a fixed size.
///
/// Positions are subsampled: image i contributes output positions i mod s, i mod s + s, … for a
/// stride s that shares no factor with the map's width, so that no column of the map is preferred.
/// Blocks do not depend on how images are batched.
struct PositionBlocks: Sendable {
  /// Positions per block, at most: enough to run products at full speed, few enough that a block of
  /// some hundred columns stays in a core's own cache.
  static let size = 256

  let geometry: ConsumerGeometry
  /// s.
  let stride: Int
  /// Channels of maps that are sampled where the layer's output is, as many as are wanted.
  let companions: [Int]
  /// The companions' first column: windows are before them, if they are read.
  let firstCompanion: Int

  /// Images seen, which rotate the first position.
  private var images = 0
  /// Of each position the window, `[kh, kw, C]`, if it is read, the first companion's channels, a one, which makes
  /// sums a part of a product, and those of the other companions. There is room for a row besides for
  /// every image.
  private var block: FloatRows
  private var filled = 0
  private var parts: [BlockImage] = []
  private let windows: InputWindows

  init(
    geometry: ConsumerGeometry, companions: [Int] = [], positionsPerImage: Int,
    readsWindows: Bool = true
  ) {
    precondition(positionsPerImage > 0, "\(positionsPerImage) positions per image")
    self.geometry = geometry
    self.companions = companions
    stride = geometry.positionStride(positionsPerImage: positionsPerImage)
    firstCompanion = readsWindows ? geometry.columns : 0
    block = FloatRows(
      rows: 2 * Self.size, columns: firstCompanion + companions.reduce(1, +), repeating: 1)
    windows = InputWindows(geometry)
  }

  /// Adds images; full blocks go to the consumer.
  ///
  /// - Parameters:
  ///   - input: The layer's input, `[n, H, W, C]` or any shape that flattens to it.
  ///   - maps: The companions.
  ///   - range: Which of the n images to add; nil for all of them.
  /// - Throws: ``RecoveryError`` with `shapeMismatch`, and what the consumer throws.
  mutating func add(
    input: Tensor, maps: [ChannelMaps] = [], images range: Range<Int>? = nil,
    to consumer: inout some BlockConsumer
  ) throws {
    let size = geometry.channels * geometry.height * geometry.width
    guard let count = input.shape.first, input.count == count * size,
      maps.count == companions.count,
      zip(maps, companions).allSatisfy({
        $0.fit(images: count, positions: geometry.positions, channels: $1)
      })
    else {
      throw RecoveryError(
        .shapeMismatch,
        """
        an input of shape \(input.shape) and targets of shapes \(maps.map(\.values.shape)) for a layer \
        that reads \(geometry.channels) × \(geometry.height) × \(geometry.width)
        """)
    }
    for image in range ?? 0..<count {
      var position = images % stride
      images += 1
      // The rotation may pass the end of a map smaller than the stride: such an image has none.
      var left = max(geometry.positions - position + stride - 1, 0) / stride
      // An image stays in one block, if one holds it.
      if filled + left > Self.size { try flush(to: &consumer) }
      while left > 0 {
        let part = min(left, Self.size - filled)
        write(part, from: position, of: image, input: input, maps: maps)
        position += part * stride
        left -= part
        filled += part
        parts.append(
          BlockImage(input: firstCompanion > 0 ? nil : input, index: image, positions: part))
        if filled == Self.size { try flush(to: &consumer) }
      }
    }
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

  /// Writes `count` sampled positions of an image behind those that are there.
  private mutating func write(
    _ count: Int, from first: Int, of image: Int, input: Tensor, maps: [ChannelMaps]
  ) {
    let (start, apart) = (filled * block.rowLength, block.rowLength)
    let (stride, positions, windows) = (stride, geometry.positions, windows)
    let size = geometry.channels * geometry.height * geometry.width
    block.elements.withUnsafeMutableBufferPointer { block in
      guard let row = block.baseAddress.map({ $0 + start }) else { return }
      if firstCompanion > 0 {
        input.elements.withUnsafeBufferPointer { input in
          guard let input = input.baseAddress.map({ $0 + image * size }) else { return }
          for place in 0..<count {
            windows.copy(at: first &+ place &* stride, of: input, to: row + place &* apart)
          }
        }
      }
      var column = firstCompanion
      for (index, map) in maps.enumerated() {
        let all = map.allChannels(elements: (input.shape.first ?? 0) * positions)
        map.values.elements.withUnsafeBufferPointer { values in
          guard let values = values.baseAddress else { return }
          for place in 0..<count {
            let position = image &* positions &+ first &+ place &* stride
            let (from, to) = (values + position &* all, row + (place &* apart &+ column))
            if let channels = map.channels {
              for (place, channel) in channels.enumerated() { to[place] = from[channel] }
            } else {
              to.update(from: from, count: all)
            }
          }
        }
        // Behind the first there are ones.
        column += companions[index] + (index == 0 ? 1 : 0)
      }
    }
  }
}
