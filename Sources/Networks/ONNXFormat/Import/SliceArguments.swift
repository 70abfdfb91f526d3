/// The arguments of a `Slice`, one entry per sliced axis, as the file states them.
struct SliceArguments {
  struct Entry {
    let axis: Int
    let start: Int
    let end: Int
    let step: Int

    /// Start and end for a known extent, negative ones counted from the end, both clamped;
    /// a negative step may end at −1.
    func resolved(extent: Int) -> (start: Int, end: Int) {
      let lowest = step > 0 ? 0 : -1
      let highest = step > 0 ? extent : extent - 1
      func resolve(_ index: Int, lowest: Int) -> Int {
        min(max(index < 0 ? index + extent : index, lowest), highest)
      }
      return (resolve(start, lowest: min(0, highest)), resolve(end, lowest: lowest))
    }

    /// The indices taken from an axis.
    func indices(extent: Int) -> [Int] {
      guard extent > 0 else { return [] }
      let (start, end) = resolved(extent: extent)
      // A longer step takes the first index only, as one of the extent does.
      let step = min(max(step, -extent), extent)
      return Array(stride(from: start, to: end, by: step))
    }
  }

  let entries: [Entry]

  init(
    starts: [Int], ends: [Int], axes: [Int], steps: [Int]?, rank: Int, node: NodeReader
  ) throws {
    let steps = steps ?? starts.map { _ in 1 }
    let resolved = try axes.map { try node.resolvedAxis($0, rank: rank) }
    guard starts.count == ends.count, starts.count == axes.count, starts.count == steps.count,
      Set(resolved).count == resolved.count, !steps.contains(0)
    else {
      throw node.failure(
        .invalidGraph,
        "its starts \(starts), ends \(ends), axes \(axes) and steps \(steps) do not fit together")
    }
    entries = resolved.indices.map {
      Entry(axis: resolved[$0], start: starts[$0], end: ends[$0], step: steps[$0])
    }
  }
}
