import Foundation

extension StoredImages {
  /// Reads images and labels out of a NumPy archive.
  init(npz file: URL, _ description: DatasetDescription) throws(DatasetError) {
    let archive = try NumPyArchive(opening: file)
    let images = try archive.array(
      description.images, or: ["images", "x"], key: "images", description)
    guard let images else {
      throw DatasetError(
        .format,
        "\(file.path) has no array 'images' or 'x', but \(archive.contents); name its images in "
          + "\(description.file.path) with 'images: …'")
    }
    guard images.type == .init(kind: "u", size: 1) else {
      throw DatasetError(
        .shape,
        "\(images.place) is of type \(images.type), but images are 8-bit pixels; store them "
          + "unnormalised: images.astype(np.uint8)")
    }
    let (shape, layout) = try Self.shape(of: images, description)
    guard let count = images.shape.first, count > 0, shape.allSatisfy({ $0 > 0 }) else {
      throw DatasetError(.shape, "\(images.place) of shape \(images.shape) holds no images")
    }
    let labels = try archive.array(
      description.labels, or: ["labels", "y"], key: "labels", description
    ).map { array throws(DatasetError) in try array.labels(of: count) }
    self.init(
      shape: shape,
      pixels: layout == .nchw
        ? Array(images.bytes) : Self.planes(Array(images.bytes), count: count, shape: shape),
      labels: labels)
  }

  /// Channels, height and width, and the order they are stored in.
  private static func shape(
    of images: NumPyArray, _ description: DatasetDescription
  ) throws(DatasetError) -> ([Int], DatasetDescription.Layout) {
    let axes = images.shape
    if axes.count == 3 { return ([1, axes[1], axes[2]], .nchw) }
    guard axes.count == 4 else {
      throw DatasetError(
        .shape,
        "\(images.place) has shape \(axes); images are [N, H, W, C], [N, C, H, W] or [N, H, W]")
    }
    let guess: DatasetDescription.Layout? =
      switch ([1, 3].contains(axes[1]), [1, 3].contains(axes[3])) {
      case (true, false): .nchw
      case (false, true): .nhwc
      default: nil
      }
    guard let layout = description.layout ?? guess else {
      throw DatasetError(
        .shape,
        "\(images.place) has shape \(axes), from which the axis of channels is not clear; add "
          + "'layout: nhwc' or 'layout: nchw' to \(description.file.path)")
    }
    return (layout == .nchw ? Array(axes[1...]) : [axes[3], axes[1], axes[2]], layout)
  }

  /// From pixels with their channels together to planes: `[N, H, W, C]` to `[N, C, H, W]`.
  private static func planes(_ pixels: [UInt8], count: Int, shape: [Int]) -> [UInt8] {
    let (channels, plane) = (shape[0], shape[1] * shape[2])
    var result = [UInt8](repeating: 0, count: pixels.count)
    for image in 0..<count {
      let start = image * channels * plane
      for pixel in 0..<plane {
        for channel in 0..<channels {
          result[start + channel * plane + pixel] = pixels[start + pixel * channels + channel]
        }
      }
    }
    return result
  }
}

extension NumPyArchive {
  /// The array a description names, or the first of the usual names; nil without either.
  fileprivate func array(
    _ name: String?, or usual: [String], key: String, _ description: DatasetDescription
  ) throws(DatasetError) -> NumPyArray? {
    if let name, !names.contains(name) {
      throw DatasetError(
        .format,
        "\(file.path) has no array '\(name)', but \(contents); correct '\(key)' in "
          + "\(description.file.path)")
    }
    guard let found = name ?? usual.first(where: names.contains) else { return nil }
    return try array(found)
  }

  /// For messages: what there is instead.
  fileprivate var contents: String {
    names.isEmpty ? "nothing" : names.sorted().map { "'\($0)'" }.joined(separator: ", ")
  }
}

extension NumPyArray {
  /// The numbers of a label array, which must be whole and one for each image.
  fileprivate func labels(of count: Int) throws(DatasetError) -> [Int] {
    guard shape == [count] || shape == [count, 1] else {
      throw DatasetError(
        .shape,
        "\(place) has shape \(shape), but there are \(count) images; store one class index each")
    }
    guard let labels = integers else {
      throw DatasetError(
        .shape, "\(place) is of type \(type), but labels are integers; use labels.astype(np.int64)")
    }
    return labels
  }
}
