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
      // Parts of one Split were named after it when they were read; slices of a file stay slices.
      guard node.name == "\(stem(of: network.nodes[start])).\(run.count)" else { return [] }
      run.append(node)
      place = range.end
      if network[x].shape[range.axis] == .fixed(place) { return run }
    }
    return []
  }

  /// The name of the Split that a first part came from.
  static func stem(of first: Node) -> String {
    first.name.hasSuffix(".0") ? String(first.name.dropLast(2)) : first.name
  }

  static func range(of node: Node) -> Slice.Range? {
    guard case .slice(let slice) = node.operation, slice.ranges.count == 1,
      let range = slice.ranges.first, range.step == 1
    else { return nil }
    return range
  }
}
