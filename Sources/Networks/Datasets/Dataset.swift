import Digests
import Foundation

/// Samples for the inputs of a network, with labels where there are some.
public struct Dataset: Sendable {
  /// A file that was left out because it could not be decoded.
  public struct SkippedFile: Sendable, Hashable {
    /// Relative to the data set's folder.
    public let name: String
    public let reason: String
  }

  /// The name of the YAML file, without its extension.
  public let name: String
  /// All samples.
  public let samples: DataShard
  /// The number of classes, where the format or the description says it.
  public let classes: Int?
  /// What `skip_corrupt` left out, in the order of names.
  public let skipped: [SkippedFile]

  public init(
    name: String, samples: DataShard, classes: Int? = nil, skipped: [SkippedFile] = []
  ) {
    self.name = name
    self.samples = samples
    self.classes = classes
    self.skipped = skipped
  }

  /// The digest of the samples: the same ones under another name or from another format have the
  /// same digest.
  ///
  /// - Complexity: Reads all samples.
  public var digest: Digest { samples.digest }

  /// The number of samples.
  public var count: Int { samples.count }
  public var inputs: [InputColumn] { samples.inputs }
  public var labels: [Int]? { samples.labels }

  /// Some of the samples as they are stored, to send elsewhere.
  public func shard(_ range: Range<Int>) -> DataShard { samples.shard(range) }

  /// The first `limit` samples; all of them if there are fewer.
  public func prefix(_ limit: Int) -> Dataset {
    limit < count ? with(samples.shard(0..<limit)) : self
  }

  /// The samples at `indices`, in that order.
  public func selecting(_ indices: [Int]) -> Dataset { with(samples.selecting(indices)) }

  /// Other samples under the same name.
  func with(_ samples: DataShard) -> Dataset {
    Dataset(name: name, samples: samples, classes: classes, skipped: skipped)
  }

  /// Throws unless every sample is labelled with one of a network's classes.
  ///
  /// For networks whose output is not class scores, and for calibration, there is nothing to check.
  ///
  /// - Parameter classes: How many classes the network tells.
  /// - Throws: ``DatasetError`` with `labels`.
  public func checkLabels(classes: Int) throws(DatasetError) {
    guard let labels else {
      throw DatasetError(
        .labels, "data set '\(name)' has no labels, which accuracy needs; add them to its file")
    }
    guard let index = labels.firstIndex(where: { $0 >= classes }) else { return }
    throw DatasetError(
      .labels,
      "data set '\(name)': sample \(index) has label \(labels[index]), but the network tells "
        + "\(classes) classes (0…\(classes - 1)); use the data the network was trained for")
  }
}
