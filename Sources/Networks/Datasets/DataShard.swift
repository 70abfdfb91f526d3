import Tensors

/// Consecutive samples of a data set as they are stored: what each input of a network reads, and
/// labels where there are some.
public struct DataShard: Sendable, Hashable {
  /// The number of samples.
  public let count: Int
  /// One for each input of a network, at least one.
  public let inputs: [InputColumn]
  /// The class of every sample, at least 0; nil for samples without labels.
  public let labels: [Int]?

  /// - Precondition: There is an input, and all inputs and labels have as many samples.
  public init(inputs: [InputColumn], labels: [Int]?) {
    precondition(!inputs.isEmpty, "a shard without inputs")
    let count = inputs[0].count
    precondition(
      inputs.allSatisfy { $0.count == count } && labels.map { $0.count == count } ?? true,
      "\(inputs.map(\.count)) samples in inputs, \(labels?.count ?? count) labels")
    self.count = count
    self.inputs = inputs
    self.labels = labels
  }

  /// The shape of one sample of every input.
  public var shapes: [[Int]] { inputs.map(\.shape) }

  /// All samples as a network reads them, one tensor for each input: `[count] + shape`.
  public var tensors: [Tensor] { tensors(0..<count) }

  /// Some of the samples as a network reads them, one tensor for each input:
  /// `[range.count] + shape`.
  ///
  /// - Precondition: The range lies within 0..<count.
  public func tensors(_ range: Range<Int>) -> [Tensor] {
    check(range)
    return inputs.map { $0.tensor(range) }
  }

  /// Some of the samples.
  ///
  /// - Precondition: The range lies within 0..<count.
  public func shard(_ range: Range<Int>) -> DataShard {
    check(range)
    return selecting(range)
  }

  /// The samples at `indices`, in that order.
  ///
  /// - Precondition: The indices lie within 0..<count.
  public func selecting(_ indices: some Collection<Int>) -> DataShard {
    DataShard(
      inputs: inputs.map { $0.selecting(indices) },
      labels: labels.map { labels in indices.map { labels[$0] } })
  }

  private func check(_ range: Range<Int>) {
    precondition(
      range.lowerBound >= 0 && range.upperBound <= count, "samples \(range) of \(count)")
  }
}

extension DataShard? {
  /// Joins the samples of another file, which must have the same inputs.
  mutating func append(_ part: DataShard, from place: String) throws(DatasetError) {
    guard let whole = self else {
      self = part
      return
    }
    var inputs = whole.inputs
    let isSame =
      inputs.count == part.inputs.count && (whole.labels == nil) == (part.labels == nil)
      && inputs.indices.allSatisfy { inputs[$0].append(part.inputs[$0]) }
    guard isSame else {
      throw DatasetError(
        .shape,
        "\(place): samples of shape \(part.shapes.spoken)\(part.labels == nil ? " without labels" : "")"
          + " do not join those of shape \(whole.shapes.spoken) before it; describe them on their "
          + "own")
    }
    self = DataShard(
      inputs: inputs, labels: whole.labels.map { $0 + (part.labels ?? []) })
  }
}

extension [[Int]] {
  /// Shapes for messages: `[3, 32, 32]`, or `[3, 32, 32] and [4]`.
  var spoken: String { map(\.description).joined(separator: " and ") }
}
