import Tensors

/// Maps of images, `[n, …, channels]`, of whose channels some are wanted: they are taken where the maps
/// are sampled, which costs less than to copy the others away.
public struct ChannelMaps: Sendable {
  let values: Tensor
  /// Those that are wanted; nil for all of them.
  let channels: [Int]?

  public init(_ values: Tensor, channels: [Int]? = nil) {
    (self.values, self.channels) = (values, channels)
  }

  /// How many channels there are, of maps of so many elements for every channel.
  func allChannels(elements: Int) -> Int { values.count / max(elements, 1) }

  /// Whether the maps are of so many images and positions, and have so many channels that are wanted.
  func fit(images: Int, positions: Int, channels count: Int) -> Bool {
    let all = allChannels(elements: images * positions)
    return values.count == all * images * positions
      && (channels.map { $0.count == count && $0.allSatisfy((0..<all).contains) } ?? (all == count))
  }
}
