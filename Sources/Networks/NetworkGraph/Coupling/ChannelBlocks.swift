/// The channels of an axis in equal consecutive blocks: the groups of a convolution or a GroupNorm.
///
/// Blocks must stay equally large. Either whole blocks are kept or removed, or every block loses
/// the same places; the finer of the two choices is taken.
struct ChannelBlocks {
  /// The number of blocks.
  let groups: Int
  /// Channels in a block.
  let size: Int

  init(groups: Int, channels: Int) {
    self.groups = max(groups, 1)
    size = channels / max(groups, 1)
  }

  /// Whether blocks are kept or removed whole. A depthwise convolution's are single channels.
  var goWhole: Bool { groups > 1 && groups >= size }
}
