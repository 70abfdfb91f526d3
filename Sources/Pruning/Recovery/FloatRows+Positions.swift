import LinearAlgebra

extension FloatRows {
  /// Appends some columns of the first rows to an array, one row after the other.
  func appendColumns(_ columns: Range<Int>, rows: Int, to array: inout [Float]) {
    elements.withUnsafeBufferPointer { elements in
      for row in 0..<rows {
        let start = row &* rowLength
        array += UnsafeBufferPointer(
          rebasing: elements[start &+ columns.lowerBound..<start &+ columns.upperBound])
      }
    }
  }

  /// Appends a row for every image: the mean of its rows, times the root of weight · rows. Products of
  /// columns then hold the images' means besides, weight times.
  ///
  /// - Parameter images: Whose the rows are.
  /// - Returns: How many rows there are now.
  mutating func appendMeans(ofFirstColumns count: Int, images: [BlockImage], weight: Int) -> Int {
    let filled = images.positions
    guard weight > 0 else { return filled }
    var row = 0
    for (place, image) in images.enumerated() {
      let factor = (Float(weight) / Float(image.positions)).squareRoot()
      writeSum(
        of: row..<row + image.positions, firstColumns: count, times: factor, into: filled + place)
      row += image.positions
    }
    return filled + images.count
  }
}
