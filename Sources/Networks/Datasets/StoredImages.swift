import Foundation

/// Images and labels as they come out of one file.
struct StoredImages {
  /// Channels, height and width of one image.
  var shape: [Int]
  /// `[count, C, H, W]`.
  var pixels: [UInt8]
  var labels: [Int]?

  var count: Int { pixels.count / imageSize }
  private var imageSize: Int { shape.reduce(1, *) }

  init(shape: [Int], pixels: [UInt8], labels: [Int]?) {
    self.shape = shape
    self.pixels = pixels
    self.labels = labels
  }

  /// Reads a file in the format that the description says, and checks its labels.
  init(reading file: URL, _ description: DatasetDescription) throws(DatasetError) {
    var isFolder: ObjCBool = false
    guard FileManager.default.fileExists(atPath: file.path, isDirectory: &isFolder),
      !isFolder.boolValue
    else {
      let reason = isFolder.boolValue ? "is a folder" : "does not exist"
      throw DatasetError(
        .unreadable,
        "\(file.path) \(reason); correct 'path' in \(description.file.path): it is relative to "
          + "that file")
    }
    switch description.format {
    case .cifar10Binary: try self.init(cifar10Binary: file)
    case .npz: try self.init(npz: file, description)
    }
    guard let labels else { return }
    let classes = description.classes ?? Int(Int32.max)
    for (index, label) in labels.enumerated() where !(0..<classes).contains(label) {
      let range = description.classes.map { "0…\($0 - 1)" } ?? "0 and above"
      throw DatasetError(
        .labels,
        "\(file.path): image \(index) has label \(label), but classes are \(range); correct the "
          + "file, or 'classes' in \(description.file.path)")
    }
  }

  mutating func truncate(to limit: Int) {
    guard limit < count else { return }
    let surplus = count - limit
    pixels.removeLast(surplus * imageSize)
    labels?.removeLast(surplus)
  }
}

extension StoredImages? {
  /// Joins the images of another file, which must be of the same shape.
  mutating func append(_ part: StoredImages, from file: URL) throws(DatasetError) {
    guard var whole = self else {
      self = part
      return
    }
    guard whole.shape == part.shape, (whole.labels == nil) == (part.labels == nil) else {
      throw DatasetError(
        .shape,
        "\(file.path): images of shape \(part.shape)\(part.labels == nil ? " without labels" : "") "
          + "do not join those of shape \(whole.shape) before it; describe them on their own")
    }
    whole.pixels += part.pixels
    whole.labels?.append(contentsOf: part.labels ?? [])
    self = whole
  }
}
