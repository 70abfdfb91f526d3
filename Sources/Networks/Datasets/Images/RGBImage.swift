/// Why an image file cannot be used, for ``DatasetError`` and the report of skipped files.
struct ImageFault: Error, Hashable {
  let reason: String

  init(_ reason: String) { self.reason = reason }
}

/// A decoded image of 8-bit red, green and blue.
struct RGBImage: Hashable, Sendable {
  let size: ImageSize
  /// `[height, width, 3]`.
  let pixels: [UInt8]

  /// - Precondition: Three bytes for each pixel.
  init(size: ImageSize, pixels: [UInt8]) {
    precondition(pixels.count == 3 * size.pixelCount, "\(pixels.count) bytes in \(size) pixels")
    self.size = size
    self.pixels = pixels
  }

  /// The first of its channels, `[channels, height, width]`.
  func planes(_ channels: Int) -> [UInt8] {
    let plane = size.pixelCount
    var planes = [UInt8](repeating: 0, count: channels * plane)
    for pixel in 0..<plane {
      for channel in 0..<channels { planes[channel * plane + pixel] = pixels[3 * pixel + channel] }
    }
    return planes
  }

  /// The image in a larger black one.
  func padded(to outer: ImageSize, top: Int, left: Int) -> RGBImage {
    if outer == size { return self }
    var result = [UInt8](repeating: 0, count: 3 * outer.pixelCount)
    for row in 0..<size.height {
      let start = 3 * ((row + top) * outer.width + left)
      let source = 3 * row * size.width
      result.replaceSubrange(
        start..<start + 3 * size.width, with: pixels[source..<source + 3 * size.width])
    }
    return RGBImage(size: outer, pixels: result)
  }
}
