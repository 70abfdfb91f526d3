import CKernels
import LinearAlgebra
import Tensors

/// Sums the second moments of 3 × 3 windows at every position of a map, and of targets there, from
/// products of the map with itself shifted.
///
/// Two taps of a window that lie a step l apart meet the same pairs of numbers as any other two that
/// do, but for those at the edge of the map: with x zero outside the map,
///
///     Σ_p x(p + s) x(p + t)ᵀ = Σ_q x(q) x(q + l)ᵀ − edges        l = t − s
///
/// summed over all q of the map. The window of s never begins at one row and one column of the edge,
/// unless s is in the middle; what begins there counts only where t is in the same row or column of the
/// window as s, else it ends outside. So thirteen steps and some edges take the place of forty-five
/// pairs of taps: a third of the work, and nothing need be unfolded.
///
/// Maps are less a centre by channel, and have one channel more, which is one inside of the map and
/// zero outside: its products put the centre back, and sum. Products are in single precision over some
/// images, and summed in `Double`.
struct MapMoments: Sendable {
  /// By channel, and then by target: the mean over what came first; empty before.
  private(set) var centre: [Float]

  private let geometry: ConsumerGeometry
  private let targets: Int
  /// Of padded maps: channels with that of ones, numbers of a row and of an image.
  private let (apart, rowLength, imageLength): (Int, Int, Int)
  /// Images that are multiplied together.
  private let room: Int
  private var held = 0
  private var positions = 0
  /// Images `[H + 2, W + 2, C + 1]` whose map begins at its first row and column, behind a row and a
  /// place of zeros.
  private var maps: [Float]
  /// `[images, H, W + 2, targets + 1]`, the last column ones, zeros where there is no position.
  private var rows: [Float]
  /// `[C + 1, blocks, C + 1]`: see ``Block``.
  private var products: [Double]
  /// `[targets + 1, 3 × 3, C + 1]`.
  private var cross: [Double]
  /// `[targets + 1, targets + 1]`.
  private var squares: [Double]

  /// Whose products with the whole map, shifted, or with a part of it are summed.
  private enum Block {
    /// The map itself, a step down and to the right of so many.
    static func step(_ down: Int, _ right: Int) -> Int {
      down == 0 ? right : 5 * down + right
    }
    /// The first and the last row, with steps to the right.
    static func row(_ end: Int, _ right: Int) -> Int { 13 + 3 * end + right }
    /// The first and the last column, with steps down.
    static func column(_ end: Int, _ down: Int) -> Int { 19 + 3 * end + down }
    static func corner(_ row: Int, _ column: Int) -> Int { 25 + 2 * row + column }
    static let count = 29
  }

  /// Positions that are multiplied together, about: few enough that a product's rounding stays at that
  /// of a single float.
  private static let positionsOfProduct = 1024
  /// What the kernel may read beyond the last number.
  private static let slack = 64

  /// Whether windows of a layer, of which every `positionStride`th is looked at, are such.
  static func fits(_ geometry: ConsumerGeometry, positionStride: Int) -> Bool {
    positionStride == 1 && geometry.positions <= PositionBlocks.size
      && geometry.kernel == [3, 3] && geometry.strides == [1, 1] && geometry.dilations == [1, 1]
      && geometry.padsBefore == [1, 1] && geometry.padsAfter == [1, 1]
  }

  /// What its sums take for a layer, in bytes, about.
  static func bytes(_ geometry: ConsumerGeometry, targets: Int) -> Int {
    let (channels, outputs) = (geometry.channels + 1, targets + 1)
    return 8 * (Block.count * channels * channels + 9 * channels * outputs + outputs * outputs)
      + 16 * positionsOfProduct * (channels + outputs)
  }

  /// - Parameter centre: Empty for the means of what comes first.
  init(_ geometry: ConsumerGeometry, targets: Int, centre: [Float] = []) {
    self.geometry = geometry
    self.targets = targets
    self.centre = centre
    apart = geometry.channels + 1
    rowLength = (geometry.width + 2) * apart
    imageLength = (geometry.height + 2) * rowLength
    room = max(Self.positionsOfProduct / geometry.positions, 1)
    maps = Array(repeating: 0, count: rowLength + apart + room * imageLength + Self.slack)
    rows = Array(
      repeating: 0,
      count: room * geometry.height * (geometry.width + 2) * (targets + 1) + Self.slack)
    products = Array(repeating: 0, count: apart * Block.count * apart)
    cross = Array(repeating: 0, count: (targets + 1) * 9 * apart)
    squares = Array(repeating: 0, count: (targets + 1) * (targets + 1))
  }

  /// - Parameter block: A row for every position, of targets and perhaps more.
  mutating func take(_ block: FloatRows, images: [BlockImage]) throws {
    if centre.isEmpty { setCentre(block, images) }
    var row = 0
    for image in images {
      copy(image)
      copyTargets(block, from: row)
      row += image.positions
      held += 1
      if held == room { try multiply() }
    }
  }

  private mutating func setCentre(_ block: FloatRows, _ images: [BlockImage]) {
    let (channels, count) = (geometry.channels, images.reduce(0) { $0 + $1.positions })
    var totals = [Double](repeating: 0, count: channels)
    for image in images {
      guard let elements = image.input?.elements else { continue }
      let first = image.index * geometry.positions * channels
      for place in 0..<geometry.positions * channels {
        totals[place % channels] += Double(elements[first + place])
      }
    }
    var wanted = [Double](repeating: 0, count: targets)
    block.addRows(0..<count, columns: 0..<targets, to: &wanted)
    centre = (totals + wanted).map { Float($0 / Double(count)) }
  }

  private mutating func copy(_ image: BlockImage) {
    guard let input = image.input else { preconditionFailure("a block without its images") }
    let (channels, width, height) = (geometry.channels, geometry.width, geometry.height)
    let (apart, rowLength) = (apart, rowLength)
    let (start, centre) = (rowLength + apart + held * imageLength, centre)
    maps.withUnsafeMutableBufferPointer { maps in
      input.elements.withUnsafeBufferPointer { input in
        centre.withUnsafeBufferPointer { centre in
          var from = image.index &* height &* width &* channels
          for y in 0..<height {
            for x in 0..<width {
              let to = start &+ y &* rowLength &+ x &* apart
              for channel in 0..<channels {
                maps[to &+ channel] = input[from &+ channel] - centre[channel]
              }
              maps[to &+ channels] = 1
              from = from &+ channels
            }
          }
        }
      }
    }
  }

  private mutating func copyTargets(_ block: FloatRows, from row: Int) {
    let (channels, width, height, targets) = (
      geometry.channels, geometry.width, geometry.height, targets
    )
    let blockLength = block.rowLength
    let (start, centre) = (held * height * (width + 2) * (targets + 1), centre)
    rows.withUnsafeMutableBufferPointer { rows in
      block.elements.withUnsafeBufferPointer { block in
        for position in 0..<height * width {
          let from = (row &+ position) &* blockLength
          let to =
            start &+ (position / width &* (width &+ 2) &+ position % width) &* (targets &+ 1)
          for target in 0..<targets {
            rows[to &+ target] = block[from &+ target] - centre[channels &+ target]
          }
          rows[to &+ targets] = 1
        }
      }
    }
  }

  /// Adds the products of the images that are held.
  private mutating func multiply() throws {
    guard held > 0 else { return }
    let (sums, pitch) = (apart * Block.count, rowLength / apart)
    let (height, width) = (geometry.height, geometry.width)
    let (outputs, depth) = (targets + 1, height * pitch)
    let places = Places(
      images: held, apart: apart, rowLength: rowLength, imageLength: imageLength)
    maps.withUnsafeBufferPointer { maps in
      guard let map = maps.baseAddress.map({ $0 + (rowLength + apart) }) else { return }
      products.withUnsafeMutableBufferPointer { products in
        /// Numbers from a row and a column on, by those of some blocks a step from there.
        func add(
          _ block: Int, from row: Int = 0, _ column: Int = 0, step: (Int, Int) = (0, 0),
          blocks: Int = 1, depth: Int, goesDown: Bool = false
        ) {
          guard depth > 0, let products = products.baseAddress else { return }
          let first = map + places.offset(row, column)
          espalier_shifted_product(
            espalier_places(images: places.images, depth: depth),
            places.map(first, goesDown: goesDown), apart,
            places.map(first + places.offset(step.0, step.1), goesDown: goesDown), blocks * apart,
            products + block * apart, sums)
        }
        add(Block.step(0, 0), blocks: 3, depth: depth)
        for down in 1...2 {
          add(Block.step(down, -2), step: (down, -2), blocks: 5, depth: depth - down * pitch)
        }
        for (end, y) in [0, height - 1].enumerated() {
          add(Block.row(end, 0), from: y, blocks: 3, depth: pitch)
          for (other, x) in [0, width - 1].enumerated() {
            add(Block.corner(end, other), from: y, x, depth: 1)
          }
        }
        for (end, x) in [0, width - 1].enumerated() {
          for down in 0...2 {
            add(
              Block.column(end, down), from: 0, x, step: (down, 0), depth: height - down,
              goesDown: true)
          }
        }
      }
      let ofTargets = espalier_places(images: held, depth: depth)
      rows.withUnsafeBufferPointer { rows in
        let targets = espalier_map(
          first: rows.baseAddress, apart: outputs, imagesApart: depth * outputs)
        cross.withUnsafeMutableBufferPointer { cross in
          guard let cross = cross.baseAddress else { return }
          for y in 0..<3 {
            espalier_shifted_product(
              ofTargets, targets, outputs,
              places.map(map + places.offset(y - 1, -1), goesDown: false), 3 * apart,
              cross + 3 * y * apart, 9 * apart)
          }
        }
        squares.withUnsafeMutableBufferPointer { squares in
          espalier_shifted_product(
            ofTargets, targets, outputs, targets, outputs, squares.baseAddress, outputs)
        }
      }
    }
    positions += held * geometry.positions
    held = 0
    let isFinite =
      (0..<apart).allSatisfy { products[$0 * (sums + 1)].isFinite }
      && (0..<outputs).allSatisfy { squares[$0 * (outputs + 1)].isFinite }
    guard isFinite else { throw RecoveryError.nonFinite(columns: 9 * (apart - 1) + targets) }
  }

  /// Where the numbers of padded maps are.
  private struct Places {
    let images: Int
    let (apart, rowLength, imageLength): (Int, Int, Int)

    init(images: Int, apart: Int, rowLength: Int, imageLength: Int) {
      self.images = images
      (self.apart, self.rowLength, self.imageLength) = (apart, rowLength, imageLength)
    }

    func offset(_ rows: Int, _ columns: Int) -> Int { rows * rowLength + columns * apart }

    /// - Parameter goesDown: Whether the next place is that below, not that to the right.
    func map(_ first: UnsafePointer<Float>, goesDown: Bool) -> espalier_map {
      espalier_map(
        first: first, apart: goesDown ? rowLength : apart, imagesApart: imageLength)
    }
  }

  /// Adds those of other images.
  mutating func add(_ other: MapMoments) throws {
    precondition(other.centre == centre && other.targets == targets, "moments about other centres")
    var other = other
    try other.multiply()
    try multiply()
    for place in products.indices { products[place] += other.products[place] }
    for place in cross.indices { cross[place] += other.cross[place] }
    for place in squares.indices { squares[place] += other.squares[place] }
    positions += other.positions
  }

  /// Of everything that was taken.
  mutating func gram() throws -> InputGram {
    try multiply()
    let (channels, outputs) = (geometry.channels, targets + 1)
    var gram = InputGram(columns: 9 * channels + targets, positionStride: 1)
    guard positions > 0 else { return gram }
    gram.positions = positions
    let centre = centre.map(Double.init)
    for first in 0..<9 {
      for second in 0..<9 { addTaps(first, second, to: &gram, centre) }
    }
    /// Σ of a target or of ones, by what a tap reads of a channel.
    func sum(_ target: Int, _ tap: Int, _ channel: Int) -> Double {
      let start = (target * 9 + tap) * apart
      return cross[start + channel] + centre[channel] * cross[start + channels]
    }
    for channel in 0..<channels {
      for tap in 0..<9 {
        let column = channel * 9 + tap
        gram.sums[column] = sum(targets, tap, channel)
        for target in 0..<targets {
          gram.products[gram.place(column, 9 * channels + target)] =
            sum(target, tap, channel) + centre[channels + target] * gram.sums[column]
        }
      }
    }
    for target in 0..<targets {
      let (shift, total) = (centre[channels + target], squares[target * outputs + targets])
      gram.sums[9 * channels + target] = total + Double(positions) * shift
      for other in target..<targets {
        let (otherShift, otherTotal) = (
          centre[channels + other], squares[other * outputs + targets]
        )
        gram.products[gram.place(9 * channels + target, 9 * channels + other)] =
          squares[target * outputs + other] + otherShift * total + shift * otherTotal
          + Double(positions) * shift * otherShift
      }
    }
    return gram
  }

  /// The products of all channels at one tap by those at another, on and above the diagonal.
  private func addTaps(_ first: Int, _ second: Int, to gram: inout InputGram, _ centre: [Double]) {
    let channels = geometry.channels
    // Steps go down, or to the right; what goes the other way has its factors exchanged.
    let isForward = second >= first
    let sums = isForward ? sums(first, second) : sums(second, first)
    let (down, right) = isForward ? (apart, 1) : (1, apart)
    let ones = sums[channels * (apart + 1)]
    for a in 0..<channels {
      let left = sums[a * down + channels * right]
      // Of a channel by itself, the earlier tap is the row.
      for b in (first <= second ? a : a + 1)..<max(channels, a + 1) {
        let above = sums[channels * down + b * right]
        gram.products[gram.place(a * 9 + first, b * 9 + second)] =
          sums[a * down + b * right] + centre[b] * left + centre[a] * above
          + centre[a] * centre[b] * ones
      }
    }
  }

  /// The products at two taps, `[C + 1, C + 1]`, the second of them further down or to the right.
  private func sums(_ from: Int, _ to: Int) -> [Double] {
    var sums = [Double](repeating: 0, count: apart * apart)
    for (block, sign) in Self.parts(from, to) {
      for row in 0..<apart {
        let start = (row * Block.count + block) * apart
        for column in 0..<apart { sums[row * apart + column] += sign * products[start + column] }
      }
    }
    return sums
  }

  /// What makes the products at two taps, the second of them further down or to the right.
  private static func parts(_ from: Int, _ to: Int) -> [(block: Int, sign: Double)] {
    let ((y, x), (toY, toX)) = ((from / 3, from % 3), (to / 3, to % 3))
    var parts = [(block: Block.step(toY - y, toX - x), sign: 1.0)]
    // A window whose first tap is at its upper edge never has that tap in the last row of the map.
    let row = y == toY && y != 1 ? (y == 0 ? 1 : 0) : nil
    let column = x == toX && x != 1 ? (x == 0 ? 1 : 0) : nil
    if let row { parts.append((Block.row(row, toX - x), -1)) }
    if let column { parts.append((Block.column(column, toY - y), -1)) }
    if let row, let column { parts.append((Block.corner(row, column), 1)) }
    return parts
  }
}

extension InputGram {
  /// Where the product of two columns is, the first of them not the later one.
  fileprivate func place(_ first: Int, _ second: Int) -> Int {
    first * (2 * columns - first - 1) / 2 + second
  }
}
