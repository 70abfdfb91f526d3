/// The channels that a network sees of an image.
enum Colour: String, CaseIterable, Sendable {
  case rgb, grey

  var channels: Int { self == .rgb ? 3 : 1 }
}

extension RGBImage {
  /// The image with its luma in all three channels.
  ///
  /// Reference: Pillow's `convert("L")`, ITU-R 601-2 in 16 bits of fixed point.
  var grey: RGBImage {
    var result = pixels
    for start in stride(from: 0, to: pixels.count, by: 3) {
      let red = 19_595 * UInt32(pixels[start])
      let green = 38_470 * UInt32(pixels[start + 1])
      let blue = 7_471 * UInt32(pixels[start + 2])
      let luma = UInt8((red + green + blue + 0x8000) >> 16)
      for channel in 0..<3 { result[start + channel] = luma }
    }
    return RGBImage(size: size, pixels: result)
  }
}
