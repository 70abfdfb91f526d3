import Tensors

/// How pixels become what a network reads: (pixel / 255 − mean) / std.
public struct Normalisation: Sendable, Hashable {
  /// Of every channel, in units where a pixel is 0…1.
  public let mean: [Double]
  /// Of every channel; above 0.
  public let std: [Double]

  /// - Precondition: As many means as deviations.
  public init(mean: [Double], std: [Double]) {
    precondition(mean.count == std.count, "\(mean.count) means and \(std.count) deviations")
    self.mean = mean
    self.std = std
  }
}

/// What one input of a network reads, over all samples of a shard.
public struct InputColumn: Sendable, Hashable {
  public enum Storage: Sendable, Hashable {
    /// 8-bit pixels, with one mean and deviation for each channel; channels are the first axis of a
    /// sample.
    case pixels([UInt8], Normalisation)
    /// Numbers as the network reads them.
    case values([Float])
  }

  /// The network's name for the input; nil until it is known.
  public internal(set) var name: String?
  /// Of one sample, without the batch axis; any rank for values, at least one for pixels.
  public let shape: [Int]
  /// `[samples] + shape` in row-major order.
  public internal(set) var storage: Storage

  /// - Precondition: The elements fill whole samples.
  public init(name: String? = nil, shape: [Int], storage: Storage) {
    precondition(shape.allSatisfy { $0 > 0 }, "samples of shape \(shape)")
    self.name = name
    self.shape = shape
    self.storage = storage
    precondition(
      elementCount % sampleSize == 0, "\(elementCount) elements in samples of shape \(shape)")
    if case .pixels(_, let normalisation) = storage {
      precondition(
        normalisation.mean.count == shape.first, "normalisation of samples of shape \(shape)")
    }
  }

  /// The number of samples.
  public var count: Int { elementCount / sampleSize }

  private var sampleSize: Int { shape.elementCount }

  private var elementCount: Int {
    switch storage {
    case .pixels(let pixels, _): pixels.count
    case .values(let values): values.count
    }
  }

  /// Some of the samples as the network reads them: `[range.count] + shape`.
  func tensor(_ range: Range<Int>) -> Tensor {
    let elements = range.lowerBound * sampleSize..<range.upperBound * sampleSize
    return switch storage {
    case .values(let values):
      Tensor(shape: [range.count] + shape, elements: Array(values[elements]))
    case .pixels(let pixels, let normalisation):
      Tensor(
        shape: [range.count] + shape,
        elements: Self.normalised(pixels, in: elements, shape, normalisation))
    }
  }

  private static func normalised(
    _ pixels: [UInt8], in range: Range<Int>, _ shape: [Int], _ normalisation: Normalisation
  ) -> [Float] {
    var elements = [Float](repeating: 0, count: range.count)
    let (channels, plane) = (shape[0], shape.dropFirst().reduce(1, *))
    for channel in 0..<channels {
      // A pixel has 256 values: dividing once for each is exact in Double, and cheap.
      let values = (0..<256).map {
        Float((Double($0) / 255 - normalisation.mean[channel]) / normalisation.std[channel])
      }
      for start in stride(from: channel * plane, to: range.count, by: channels * plane) {
        for index in start..<start + plane {
          elements[index] = values[Int(pixels[range.lowerBound + index])]
        }
      }
    }
    return elements
  }

  /// The samples at `indices`, in that order.
  func selecting(_ indices: some Collection<Int>) -> InputColumn {
    let size = sampleSize
    func selected<Element>(_ elements: [Element]) -> [Element] {
      var result: [Element] = []
      result.reserveCapacity(indices.count * size)
      for index in indices {
        result.append(contentsOf: elements[index * size..<(index + 1) * size])
      }
      return result
    }
    var column = self
    switch storage {
    case .pixels(let pixels, let normalisation):
      column.storage = .pixels(selected(pixels), normalisation)
    case .values(let values): column.storage = .values(selected(values))
    }
    return column
  }

  /// Adds the samples of another column; false, and nothing is done, where they are of another
  /// name, shape, type or normalisation.
  mutating func append(_ other: InputColumn) -> Bool {
    guard name == other.name, shape == other.shape else { return false }
    switch (storage, other.storage) {
    case (.pixels(let pixels, let own), .pixels(let more, let others)) where own == others:
      storage = .pixels(pixels + more, own)
    case (.values(let values), .values(let more)): storage = .values(values + more)
    default: return false
    }
    return true
  }
}
