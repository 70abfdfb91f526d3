import Foundation

/// What a data set's YAML file says; docs/data.md describes all keys.
struct DatasetDescription {
  enum Format: String, CaseIterable {
    case cifar10Binary = "cifar10-binary"
    case npz, npy
    case imageFolder = "image-folder"
  }

  enum Layout: String, CaseIterable { case nhwc, nchw }

  /// What is said of one input of the network.
  struct Input {
    /// The network's name for it, where there are several.
    var name: String?
    /// Where the array has a name of its own; by default 'images' or 'x'.
    var array: String?
    var layout: Layout?
    var statistics: ChannelStatistics?
  }

  /// The YAML file.
  var file: URL
  var format: Format
  /// At least one, resolved against the YAML file's folder.
  var paths: [URL]
  /// At least one; exactly one in formats other than npz.
  var inputs: [Input]
  var limit: Int?
  var classes: Int?
  /// An array's name in npz, a file's path elsewhere.
  var labels: String?
  var classesFile: URL?
  /// The seed of a random order; nil for the order of names.
  var shuffle: Int?
  var preparation = ImagePreparation()
  /// How many images may be left out because they cannot be decoded.
  var skipCorrupt = 0

  /// A path in this description, which is relative to its file.
  func url(_ path: String) -> URL {
    URL(filePath: path, relativeTo: file.deletingLastPathComponent()).absoluteURL
      .standardizedFileURL
  }
}

/// Mean and deviation as a description gives them: of every channel, or one for all.
struct ChannelStatistics {
  var mean: [Double]
  var std: [Double]

  /// One number for each channel.
  ///
  /// - Throws: ``DatasetError`` with `description`.
  func normalisation(
    of channels: Int, _ description: DatasetDescription
  ) throws(DatasetError) -> Normalisation {
    func spread(_ numbers: [Double], _ key: String) throws(DatasetError) -> [Double] {
      if numbers.count == 1 { return Array(repeating: numbers[0], count: channels) }
      guard numbers.count == channels else {
        throw DatasetError(
          .description,
          "\(description.file.path): normalise has \(numbers.count) numbers in \(key), but the "
            + "images have \(channels) channels; write one for each, or one for all")
      }
      return numbers
    }
    return Normalisation(mean: try spread(mean, "mean"), std: try spread(std, "std"))
  }
}
