import CPNG

/// A PNG file being decoded by libpng.
struct PNGDecoder: ~Copyable {
  private let handle: UnsafeMutablePointer<png_shim>

  init() throws(ImageFault) {
    guard let handle = png_shim_open() else { throw ImageFault("there is no memory for a decoder") }
    self.handle = handle
  }

  deinit { png_shim_close(handle) }

  /// Decodes a whole file to 8-bit RGB, as Pillow's `convert("RGB")` does.
  ///
  /// - Throws: ``ImageFault`` in libpng's words, or for grey of 16 bits, whose range is not known:
  ///   depth maps and medical images use few of the values.
  func decode(_ file: [UInt8]) throws(ImageFault) -> RGBImage {
    let result = file.withUnsafeBufferPointer { bytes in
      Result<RGBImage, ImageFault> { () throws(ImageFault) in
        guard png_shim_header(handle, bytes.baseAddress, bytes.count) == 1 else { throw fault }
        let (decoder, info) = (handle.pointee.decoder, handle.pointee.info)
        let size = try ImageSize(
          checked: Int(png_get_image_height(decoder, info)),
          by: Int(png_get_image_width(decoder, info)))
        let isGrey = Int32(png_get_color_type(decoder, info)) == PNG_COLOR_TYPE_GRAY
        guard !isGrey || png_get_bit_depth(decoder, info) <= 8 else {
          throw ImageFault("it is grey of 16 bits; scale it to 8 bits as your training did")
        }
        var isDecoded = false
        let pixels = [UInt8](unsafeUninitializedCapacity: 3 * size.pixelCount) { buffer, count in
          isDecoded = png_shim_decode(handle, buffer.baseAddress) == 1
          count = isDecoded ? buffer.count : 0
        }
        guard isDecoded else { throw fault }
        return RGBImage(size: size, pixels: pixels)
      }
    }
    return try result.get()
  }

  private var fault: ImageFault {
    let reason = withUnsafeBytes(of: handle.pointee.message) {
      String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
    }
    return ImageFault("libpng: \(reason)")
  }
}
