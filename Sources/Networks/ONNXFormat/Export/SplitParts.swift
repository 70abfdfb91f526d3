import NetworkGraph

/// Slices that together cut one value into neighbouring parts, as ONNX's Split does.
struct SplitParts {
  enum Role {
    case alone
    /// The first part, with all of them in order.
    case first([Node])
    case later
  }

  private var parts: [Int: [Node]] = [:]
  private var later: Set<Int> = []

  init(_ network: Network) {
    var start = 0
    while start < network.nodes.count {
      let run = Self.run(from: start, in: network)
      if run.count > 1 {
        parts[start] = run
        later.formUnion((start + 1)..<(start + run.count))
      }
      start += max(run.count, 1)
    }
  }

  func role(of index: Int) -> Role {
    if let nodes = parts[index] { return .first(nodes) }
    return later.contains(index) ? .later : .alone
  }

  /// The nodes from `start` on that partition an axis; empty where they do not.
  private static func run(from start: Int, in network: Network) -> [Node] {
    var run: [Node] = []
    var place = 0
    for node in network.nodes[start...] {
      guard let range = range(of: node), range.start == place, let x = node.inputs[0],
        x == run.first?.inputs[0] ?? x,
        range.axis == run.first.flatMap(Self.range)?.axis ?? range.axis
      else { return [] }
      run.append(node)
      place = range.end
      if network[x].shape[range.axis] == .fixed(place) { return run }
    }
    return []
  }

  static func range(of node: Node) -> Slice.Range? {
    guard case .slice(let slice) = node.operation, slice.ranges.count == 1,
      let range = slice.ranges.first, range.step == 1
    else { return nil }
    return range
  }
}
