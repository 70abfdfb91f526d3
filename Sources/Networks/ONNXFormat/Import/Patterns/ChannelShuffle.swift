import NetworkGraph

/// Channels dealt out to groups: `[N, g · c, …]` seen as `[N, g, c, …]`, the two swapped, and
/// joined again.
struct ChannelShuffle {
  /// Targets of the two reshapes; 0 stands for the batch.
  let split: [Int]
  let joined: [Int]
  let permutation: [Int]

  /// The shuffle that a gather is; nil where its indices are none, or x has no batch as axis 0.
  init?(_ gather: Gather, of x: Shape) {
    let count = gather.indices.count
    guard x.rank > 1, x[0] == .batch, gather.axis > 0, x[gather.axis] == .fixed(count), count > 3,
      gather.indices[0] == 0
    else { return nil }
    let width = gather.indices[1]
    guard width > 1, width < count, count % width == 0 else { return nil }
    let groups = count / width
    guard gather.indices == Self.indices(groups: groups, width: width) else { return nil }
    var split = x.resolved(batch: 0)
    joined = split
    split.replaceSubrange(gather.axis...gather.axis, with: [groups, width])
    self.split = split
    var permutation = Array(split.indices)
    permutation.swapAt(gather.axis, gather.axis + 1)
    self.permutation = permutation
  }

  /// Where the channels of the result come from.
  static func indices(groups: Int, width: Int) -> [Int] {
    (0..<width).flatMap { place in (0..<groups).map { $0 * width + place } }
  }
}
