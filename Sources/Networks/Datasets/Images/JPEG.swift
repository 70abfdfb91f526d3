import CJPEG

/// A JPEG file being decoded by libjpeg-turbo.
struct JPEGDecoder: ~Copyable {
  private let handle: UnsafeMutablePointer<jpeg_shim>

  init() throws(ImageFault) {
    guard let handle = jpeg_shim_open() else {
      throw ImageFault("there is no memory for a decoder")
    }
    self.handle = handle
  }

  deinit { jpeg_shim_close(handle) }

  /// Decodes a whole file to 8-bit RGB: grey is spread over the channels, and of CMYK is made what
  /// Pillow makes of it.
  ///
  /// - Throws: ``ImageFault`` in libjpeg's words.
  func decode(_ file: [UInt8]) throws(ImageFault) -> RGBImage {
    let result = file.withUnsafeBufferPointer { bytes in
      Result<RGBImage, ImageFault> { () throws(ImageFault) in
        guard jpeg_shim_header(handle, bytes.baseAddress, bytes.count) == 1 else { throw fault }
        let decoder = handle.pointee.decoder
        let size = try ImageSize(
          checked: Int(decoder.image_height), by: Int(decoder.image_width))
        let channels = decoder.num_components == 4 ? 4 : 3
        var isDecoded = false
        let pixels = [UInt8](unsafeUninitializedCapacity: channels * size.pixelCount) {
          buffer, count in
          isDecoded = jpeg_shim_decode(handle, buffer.baseAddress) == 1
          count = isDecoded ? buffer.count : 0
        }
        guard isDecoded else { throw fault }
        return RGBImage(size: size, pixels: channels == 4 ? Self.rgb(cmyk: pixels) : pixels)
      }
    }
    return try result.get()
  }

  private var fault: ImageFault {
    let reason = withUnsafeBytes(of: handle.pointee.message) {
      String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
    }
    return ImageFault("libjpeg: \(reason)")
  }

  /// JPEG stores the inks inverted, as Adobe's programs began to.
  ///
  /// Reference: Pillow, src/libImaging/Convert.c, `cmyk2rgb`.
  private static func rgb(cmyk: [UInt8]) -> [UInt8] {
    var rgb: [UInt8] = []
    rgb.reserveCapacity(cmyk.count / 4 * 3)
    for start in stride(from: 0, to: cmyk.count, by: 4) {
      let light = Int(cmyk[start + 3])
      for channel in 0..<3 {
        let product = (255 - Int(cmyk[start + channel])) * light + 128
        rgb.append(UInt8(light - ((product >> 8) + product) >> 8))
      }
    }
    return rgb
  }
}
