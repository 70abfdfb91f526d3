import Tensors

/// The mean of every channel over samples and space, of features that come in batches.
///
/// Sums are in `Double` and in the order of the batches: the bits depend on nothing else.
public struct ChannelMeans: Sendable {
  private var sums: [Double]
  /// The least and the greatest feature of every channel.
  private var bounds: [(low: Float, high: Float)]
  private var count: Int
  private var images: Int
  /// The first image that is not finite.
  private var fault: (image: Int, kind: TapFault.Kind)?

  /// Of features `[n, C, …]`; `[n]` are of one channel.
  public init(_ features: Tensor) {
    let images = features.shape[0]
    let channels = features.rank > 1 ? features.shape[1] : 1
    let area = features.count / max(images * channels, 1)
    var sums = [Double](repeating: 0, count: channels)
    var bounds = [(low: Float, high: Float)](
      repeating: (.infinity, -.infinity), count: channels)
    features.elements.withUnsafeBufferPointer { elements in
      for block in 0..<images * channels {
        var sum = 0.0
        var (low, high) = bounds[block % channels]
        for place in block * area..<(block + 1) * area {
          sum += Double(elements[place])
          low = min(low, elements[place])
          high = max(high, elements[place])
        }
        sums[block % channels] += sum
        bounds[block % channels] = (low, high)
      }
    }
    self.images = images
    self.sums = sums
    self.bounds = bounds
    count = images * area
    fault = sums.allSatisfy(\.isFinite) ? nil : Self.firstFault(in: features)
  }

  /// Adds the means of the images that follow.
  public mutating func add(_ next: ChannelMeans) {
    precondition(
      sums.count == next.sums.count, "\(sums.count) and \(next.sums.count) channels")
    for channel in sums.indices {
      sums[channel] += next.sums[channel]
      bounds[channel].low = min(bounds[channel].low, next.bounds[channel].low)
      bounds[channel].high = max(bounds[channel].high, next.bounds[channel].high)
    }
    if fault == nil, let other = next.fault { fault = (images + other.image, other.kind) }
    count += next.count
    images += next.images
  }

  /// One number for each channel.
  public var values: [Float] { sums.map { Float($0 / Double(count)) } }

  /// What is wrong with a tap of tile 0: features that are not finite, or so far from their mean
  /// that their squares are not.
  func fault(tap: String) -> TapFault? {
    if let fault { return TapFault(tap: tap, kind: fault.kind, tile: 0, image: fault.image) }
    let squaresAreFinite = zip(values, bounds).allSatisfy { mean, bounds in
      let distance = max(bounds.high - mean, mean - bounds.low)
      return (distance * distance).isFinite
    }
    return squaresAreFinite ? nil : TapFault(tap: tap, kind: .overflow, tile: 0)
  }

  private static func firstFault(in features: Tensor) -> (image: Int, kind: TapFault.Kind)? {
    let size = features.count / features.shape[0]
    return features.elements.firstIndex { !$0.isFinite }.map { place in
      let image = place / size
      let row = features.elements[image * size..<(image + 1) * size]
      return (image, row.contains(where: \.isNaN) ? .notANumber : .infinite)
    }
  }
}
