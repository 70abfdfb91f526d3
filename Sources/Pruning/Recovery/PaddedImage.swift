/// One image with its zero padding, and where unfolded elements lie in it.
struct PaddedImage: Sendable {
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

  /// Where the windows of several output positions begin, in ranges of consecutive places.
  func runs(ofPositions positions: ArraySlice<Int>) -> [Range<Int>] {
    var runs: [Range<Int>] = []
    for position in positions {
      let origin = origin(ofPosition: position)
      if let last = runs.last, last.upperBound == origin {
        runs[runs.count - 1] = last.lowerBound..<origin + 1
      } else {
        runs.append(origin..<origin + 1)
      }
    }
    return runs
  }

  /// Copies the image that starts at `start` between the pads.
  mutating func load(_ source: [Float], at start: Int) {
    let (height, width) = (geometry.height, geometry.width)
    let corner = geometry.padsBefore[0] * rowLength + geometry.padsBefore[1]
    source.withUnsafeBufferPointer { source in
      elements.withUnsafeMutableBufferPointer { elements in
        guard let source = source.baseAddress, let elements = elements.baseAddress else { return }
        for channel in 0..<geometry.channels {
          for y in 0..<height {
            let from = start + (channel * height + y) * width
            let to = channel * planeSize + corner + y * rowLength
            (elements + to).update(from: source + from, count: width)
          }
        }
      }
    }
  }
}
