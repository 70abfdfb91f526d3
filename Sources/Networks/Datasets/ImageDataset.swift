import Digests
import Foundation
import Tensors

/// Labelled images of one shape, with the normalisation a network expects.
public struct ImageDataset: Sendable {
  /// The name of the YAML file, without its extension.
  public let name: String
  /// All images.
  public let images: ImageShard
  /// The number of classes, where the format or the description says it.
  public let classes: Int?
  /// The digest of pixels, labels, shape and normalisation: the same images under another name or
  /// in another format have the same digest.
  public let digest: Digest

  public init(name: String, images: ImageShard, classes: Int? = nil) {
    self.name = name
    self.images = images
    self.classes = classes
    digest = Digest(of: images.encoded())
  }

  public var count: Int { images.count }
  /// Channels, height and width of one image.
  public var shape: [Int] { images.shape }
  /// `[count, C, H, W]` in row-major order, 0…255.
  public var pixels: [UInt8] { images.pixels }
  public var labels: [Int]? { images.labels }
  public var mean: [Double] { images.mean }
  public var std: [Double] { images.std }

  /// Some of the images as a network sees them: `[range.count, C, H, W]`.
  public func tensor(_ range: Range<Int>) -> Tensor { images.tensor(range) }

  /// Some of the images as they are stored, to send elsewhere.
  public func shard(_ range: Range<Int>) -> ImageShard { images.shard(range) }

  /// The first `limit` images; all of them if there are fewer.
  public func prefix(_ limit: Int) -> ImageDataset {
    guard limit < count else { return self }
    return ImageDataset(name: name, images: shard(0..<limit), classes: classes)
  }

  /// The images at `indices`, in that order.
  public func selecting(_ indices: [Int]) -> ImageDataset {
    let size = shape.reduce(1, *)
    let selected = ImageShard(
      shape: shape, pixels: indices.flatMap { pixels[$0 * size..<($0 + 1) * size] },
      labels: labels.map { labels in indices.map { labels[$0] } }, mean: mean, std: std)
    return ImageDataset(name: name, images: selected, classes: classes)
  }

  /// Reads the data set that a YAML file describes: see ``DatasetDescription`` for its keys.
  ///
  /// - Throws: ``DatasetError`` with `unreadable`, `description`, `format`, `shape` or `labels`.
  public static func read(_ description: URL) throws(DatasetError) -> ImageDataset {
    let description = try DatasetDescription(reading: description)
    var stored: StoredImages?
    for path in description.paths {
      let room = description.limit.map { $0 - (stored?.count ?? 0) }
      if let room, room <= 0 { break }
      var part = try StoredImages(reading: path, description)
      if let room { part.truncate(to: room) }
      try stored.append(part, from: path)
    }
    guard let stored else {
      throw DatasetError(.description, "\(description.file.path): path names no file")
    }
    let channels = stored.shape[0]
    let images = ImageShard(
      shape: stored.shape, pixels: stored.pixels, labels: stored.labels,
      mean: try spread(description.mean, over: channels, "mean", description.file),
      std: try spread(description.std, over: channels, "std", description.file))
    return ImageDataset(
      name: description.file.deletingPathExtension().lastPathComponent, images: images,
      classes: description.classes ?? (description.format == .cifar10Binary ? 10 : nil))
  }

  /// Throws unless a network can read these images and tell these classes.
  ///
  /// - Parameters:
  ///   - input: Channels, height and width that the network reads.
  ///   - classes: How many classes it tells; nil if labels do not matter.
  /// - Throws: ``DatasetError`` with `shape` or `labels`.
  public func check(input: [Int], classes: Int?) throws(DatasetError) {
    guard shape == input else {
      throw DatasetError(
        .shape,
        "data set '\(name)' has images of shape \(shape), but the network reads \(input); "
          + "use the data the network was trained for, in its size")
    }
    guard let classes else { return }
    guard let labels else {
      throw DatasetError(
        .labels, "data set '\(name)' has no labels, which accuracy needs; add them to its file")
    }
    guard let index = labels.firstIndex(where: { $0 >= classes }) else { return }
    throw DatasetError(
      .labels,
      "data set '\(name)': image \(index) has label \(labels[index]), but the network tells "
        + "\(classes) classes (0…\(classes - 1)); use the data the network was trained for")
  }

  private static func spread(
    _ numbers: [Double], over channels: Int, _ key: String, _ file: URL
  ) throws(DatasetError) -> [Double] {
    if numbers.count == 1 { return Array(repeating: numbers[0], count: channels) }
    guard numbers.count == channels else {
      throw DatasetError(
        .description,
        "\(file.path): normalise has \(numbers.count) numbers in \(key), but the images have "
          + "\(channels) channels; write one for each, or one for all")
    }
    return numbers
  }
}
