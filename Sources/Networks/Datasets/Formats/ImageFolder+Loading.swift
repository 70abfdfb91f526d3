import Foundation
import Parallelism

extension ImageFolder {
  /// Files are not read beyond this: no image within the bound on pixels is larger.
  private static let greatestFileSize = 1 << 28

  /// Decodes, resizes and crops the images, some at once: what is held is the pixels that the
  /// network sees, and a few whole images.
  ///
  /// - Returns: The images that can be decoded, and those that were left out.
  /// - Throws: ``DatasetError`` with `unreadable`, `shape`, `description`, or `format` where more
  ///   images are corrupt than may be left out.
  func load(
    _ description: DatasetDescription, threads: Int
  ) throws(DatasetError) -> (DataShard, skipped: [Dataset.SkippedFile]) {
    let channels = description.preparation.colour.channels
    var images = PreparedImages(
      channels: channels, capacity: min(entries.count, description.limit ?? .max))
    var corrupt: [Dataset.SkippedFile] = []
    // Blocks bound what is decoded and not yet joined.
    let block = 16 * max(threads, 1)
    reading: for start in stride(from: 0, to: entries.count, by: block) {
      let part = entries[start..<min(start + block, entries.count)]
      for (entry, image) in zip(part, try decode(Array(part), description, threads: threads)) {
        if images.count == description.limit { break reading }
        switch image {
        case .success(let image): try images.append(image, entry)
        case .failure(let fault):
          corrupt.append(Dataset.SkippedFile(name: entry.name, reason: fault.reason))
        }
      }
    }
    try checkCorrupt(corrupt, description)
    guard let size = images.size else {
      throw DatasetError(.format, "\(url.path) has no image that can be decoded")
    }
    let column = try description.column(images.pixels, shape: [channels, size.height, size.width])
    let isLabelled = entries.first?.label != nil
    let samples = DataShard(inputs: [column], labels: isLabelled ? images.labels : nil)
    return (samples, corrupt)
  }

  private func checkCorrupt(
    _ corrupt: [Dataset.SkippedFile], _ description: DatasetDescription
  ) throws(DatasetError) {
    guard corrupt.count > description.skipCorrupt else { return }
    let shown = corrupt.prefix(10).map { "\($0.name) (\($0.reason))" }.joined(separator: ", ")
    let verb = corrupt.count == 1 ? "image cannot be used" : "images cannot be used"
    throw DatasetError(
      .format,
      "\(url.path): \(corrupt.count) \(verb): \(shown)\(corrupt.count > 10 ? " and others" : ""); "
        + "replace or remove them, or write 'skip_corrupt: \(corrupt.count)' in "
        + description.file.path)
  }

  private func decode(
    _ entries: [Entry], _ description: DatasetDescription, threads: Int
  ) throws(DatasetError) -> [Result<RGBImage, ImageFault>] {
    let prepare = description.preparation
    do {
      return try parallelMap(count: entries.count, threads: threads) { index in
        let file = try read(entries[index])
        return Result { () throws(ImageFault) in
          guard let file else {
            throw ImageFault("it has more than \(Self.greatestFileSize) bytes")
          }
          return try prepare(RGBImage(decoding: file))
        }
      }
    } catch let error as DatasetError {
      throw error
    } catch {
      throw .unreadable(url, error)
    }
  }

  /// The bytes of an image's file; nil where there are too many.
  private func read(_ entry: Entry) throws(DatasetError) -> [UInt8]? {
    let file = url.appending(path: entry.name)
    guard FileKind(of: file) == .file else {
      throw DatasetError(
        .unreadable, "\(file.path) is no file, or a link to nothing; remove it, or put it back")
    }
    do {
      let handle = try FileHandle(forReadingFrom: file)
      defer { try? handle.close() }
      let data = try handle.read(upToCount: Self.greatestFileSize + 1) ?? Data()
      return data.count <= Self.greatestFileSize ? [UInt8](data) : nil
    } catch {
      throw .unreadable(file, error)
    }
  }
}

/// The pixels of images of one size, as planes, joined while they come in.
private struct PreparedImages {
  /// Of each image, 1 to 3.
  let channels: Int
  /// How many images there may be.
  let capacity: Int
  private(set) var size: ImageSize?
  private(set) var pixels: [UInt8] = []
  private(set) var labels: [Int] = []
  private(set) var count = 0
  private var first = ""

  init(channels: Int, capacity: Int) {
    self.channels = channels
    self.capacity = capacity
  }

  /// - Throws: ``DatasetError`` with `shape` for an image of another size.
  mutating func append(_ image: RGBImage, _ entry: ImageFolder.Entry) throws(DatasetError) {
    if size == nil {
      size = image.size
      first = entry.name
      pixels.reserveCapacity(capacity * channels * image.size.pixelCount)
    }
    guard let size, image.size == size else {
      throw DatasetError(
        .shape,
        "\(entry.name) has \(image.size) pixels, but \(first) has \(size ?? image.size); add "
          + "'resize: [height, width]', or 'resize: 256' and 'crop: 224', to the data set's file")
    }
    pixels += image.planes(channels)
    if let label = entry.label { labels.append(label) }
    count += 1
  }
}
