import Foundation

extension RGBImage {
  /// Decodes a JPEG or PNG file, told apart by how it begins.
  ///
  /// - Throws: ``ImageFault`` for anything else, and for files that are damaged or too large.
  init(decoding file: [UInt8]) throws(ImageFault) {
    guard !file.isEmpty else { throw ImageFault("it is empty") }
    if file.starts(with: [0xFF, 0xD8, 0xFF]) {
      self = try JPEGDecoder().decode(file)
    } else if file.starts(with: [0x89] + Array("PNG\r\n\u{1A}\n".utf8)) {
      self = try PNGDecoder().decode(file)
    } else {
      throw ImageFault("it does not begin as JPEG or PNG")
    }
  }
}

extension ImageSize {
  /// What a file claims, before memory is taken for it.
  ///
  /// - Throws: ``ImageFault`` for no pixels or too many.
  init(checked height: Int, by width: Int) throws(ImageFault) {
    self.init(height: height, width: width)
    let (count, overflow) = height.multipliedReportingOverflow(by: width)
    guard height > 0, width > 0 else { throw ImageFault("it has no pixels") }
    guard !overflow, count <= Self.greatestPixelCount else {
      throw ImageFault(
        "it claims \(self) pixels; more than \(Self.greatestPixelCount) are not read")
    }
  }
}
