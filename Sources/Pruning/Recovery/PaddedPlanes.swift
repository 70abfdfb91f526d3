import Tensors

/// Unfolds images channel by channel: the planes of one channel, with their zero padding, stay in the
/// core's own cache while all taps of the kernel are read, and every row is written in one go.
struct PaddedPlanes: Sendable {
  /// Where each tap of the kernel lies, from the origin of a position.
  private let tapOffsets: [Int]
  private let geometry: ConsumerGeometry
  /// Of a padded plane.
  private let rowLength: Int
  private let size: Int
  private let isPadded: Bool
  /// Padded planes of several images; what is not padding is written anew for each channel.
  private var elements: [Float] = []

  init(_ geometry: ConsumerGeometry) {
    let rows = geometry.height + geometry.padsBefore[0] + geometry.padsAfter[0]
    let rowLength = geometry.width + geometry.padsBefore[1] + geometry.padsAfter[1]
    self.geometry = geometry
    self.rowLength = rowLength
    size = rows * rowLength
    isPadded = size > geometry.height * geometry.width
    tapOffsets = (0..<geometry.kernel[0]).flatMap { y in
      (0..<geometry.kernel[1]).map { x in
        y * geometry.dilations[0] * rowLength + x * geometry.dilations[1]
      }
    }
  }

  /// Writes what the kernel reads at some positions, a row for each column of the unfolded input.
  ///
  /// - Parameters:
  ///   - input: `[n, C, H, W]` or any shape that flattens to it.
  ///   - row: The first row; the next are `rowsApart` elements further.
  mutating func unfold(
    _ parts: [ImagePositions], of input: Tensor, into row: UnsafeMutablePointer<Float>,
    rowsApart: Int
  ) {
    let places = parts.map { GatheredPlaces($0.positions.map(origin)) }
    let taps = tapOffsets
    var row = row
    for channel in 0..<geometry.channels {
      withPlanes(ofChannel: channel, parts: parts, in: input) { planes in
        for tap in taps {
          for (index, part) in parts.enumerated() {
            places[index].gather(from: planes[index] + tap, into: row + part.start)
          }
          row += rowsApart
        }
      }
    }
  }

  /// Where the window of an output position begins.
  private func origin(ofPosition position: Int) -> Int {
    let (y, x) = position.quotientAndRemainder(dividingBy: geometry.outputWidth)
    return y * geometry.strides[0] * rowLength + x * geometry.strides[1]
  }

  /// - Parameter body: Takes where the plane of each part's image begins.
  private mutating func withPlanes(
    ofChannel channel: Int, parts: [ImagePositions], in input: Tensor,
    _ body: ([UnsafePointer<Float>]) -> Void
  ) {
    let (height, width) = (geometry.height, geometry.width)
    input.elements.withUnsafeBufferPointer { input in
      guard let input = input.baseAddress else { return }
      let sources = parts.map {
        input + ($0.image * geometry.channels + channel) * height * width
      }
      guard isPadded else { return body(sources) }
      if elements.count < parts.count * size {
        elements = [Float](repeating: 0, count: parts.count * size)
      }
      let corner = geometry.padsBefore[0] * rowLength + geometry.padsBefore[1]
      elements.withUnsafeMutableBufferPointer { elements in
        guard let first = elements.baseAddress else { return }
        for (place, source) in sources.enumerated() {
          let target = first + (place * size + corner)
          for y in 0..<height {
            (target + y * rowLength).update(from: source + y * width, count: width)
          }
        }
        body(parts.indices.map { UnsafePointer(first + $0 * size) })
      }
    }
  }
}
