/// Rows and columns of an image.
struct ImageSize: Hashable, Sendable, CustomStringConvertible {
  var height: Int
  var width: Int

  /// Of images that are read or made: 8,192² pixels are 201 MB. A damaged or hostile file may
  /// claim any size, and every thread holds one image.
  static let greatestPixelCount = 1 << 26
  /// What can be asked for in a description.
  static let greatestSide = 1 << 13

  var pixelCount: Int { height * width }
  var description: String { "\(height) × \(width)" }
}

/// What happens to a decoded image: grey if that is wanted, resize, then crop around the centre, as
/// in torchvision.
struct ImagePreparation: Sendable {
  enum Resize: Sendable {
    /// The shorter side becomes this, the longer one follows.
    case shortSide(Int)
    case size(ImageSize)
  }

  var resize: Resize?
  var interpolation = Interpolation.bilinear
  var crop: ImageSize?
  var colour = Colour.rgb

  init() {}

  /// The image that a network sees, or why it cannot be made.
  ///
  /// - Throws: ``ImageFault`` where the resized image would be too large.
  func callAsFunction(_ decoded: RGBImage) throws(ImageFault) -> RGBImage {
    let image = colour == .grey ? decoded.grey : decoded
    let size = resizedSize(of: image.size)
    let (pixels, overflow) = size.height.multipliedReportingOverflow(by: size.width)
    guard !overflow, pixels <= ImageSize.greatestPixelCount else {
      throw ImageFault("resized from \(image.size), it would have \(size) pixels")
    }
    guard let crop else {
      return image.resampled(to: size, interpolation, window: .init(whole: size))
    }
    let window = CropWindow(of: crop, in: size)
    let inside = image.resampled(to: size, interpolation, window: window.inside)
    return inside.padded(to: crop, top: window.top, left: window.left)
  }

  /// Reference: torchvision.transforms.functional, `_compute_resized_output_size`: the longer side
  /// is rounded down.
  private func resizedSize(of size: ImageSize) -> ImageSize {
    switch resize {
    case nil: return size
    case .size(let size): return size
    case .shortSide(let side):
      let (short, long) = (min(size.height, size.width), max(size.height, size.width))
      let scaled = Int(Double(side * long) / Double(short))
      return size.width <= size.height
        ? ImageSize(height: scaled, width: side) : ImageSize(height: side, width: scaled)
    }
  }
}

/// Rows and columns of an image.
struct ImageWindow {
  var rows: Range<Int>
  var columns: Range<Int>
}

extension ImageWindow {
  init(whole size: ImageSize) {
    self.init(rows: 0..<size.height, columns: 0..<size.width)
  }
}

/// Where a centre crop lies: the part inside the image, and the black margin in front of it where
/// the image is smaller than the crop.
///
/// Reference: torchvision.transforms.functional.center_crop: margins are rounded down, and offsets
/// to the nearest even number in a tie.
struct CropWindow {
  let inside: ImageWindow
  let top: Int
  let left: Int

  init(of crop: ImageSize, in size: ImageSize) {
    func along(_ crop: Int, _ extent: Int) -> (margin: Int, range: Range<Int>) {
      guard crop < extent else { return ((crop - extent) / 2, 0..<extent) }
      let start = Int((Double(extent - crop) / 2).rounded(.toNearestOrEven))
      return (0, start..<start + crop)
    }
    let (rows, columns) = (along(crop.height, size.height), along(crop.width, size.width))
    inside = ImageWindow(rows: rows.range, columns: columns.range)
    (top, left) = (rows.margin, columns.margin)
  }
}
