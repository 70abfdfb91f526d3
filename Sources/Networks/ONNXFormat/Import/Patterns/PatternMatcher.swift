import NetworkGraph

/// Replaces operators that a file spells out in several nodes by the one operator they mean.
struct PatternMatcher {
  /// What the last node of a pattern becomes.
  struct Match {
    var operation: Operator
    var inputs: [ValueID?]
    /// Nodes that the operator replaces, beside the last; nothing else may read their outputs.
    var replaced: [Int]
  }

  /// A pattern, seen from its last node; nil where it is not there.
  typealias Pattern = (inout PatternMatcher, Node) -> Match?

  private(set) var network: Network
  private let producers: [Int?]
  private let consumers: [[Int]]
  private let outputs: Set<ValueID>

  private init(_ network: Network) {
    self.network = network
    producers = network.producers()
    consumers = network.consumers()
    outputs = Set(network.outputs)
  }

  /// The network with every known pattern replaced.
  static func simplified(_ network: Network) -> Network {
    let patterns: [Pattern] = []
    return patterns.reduce(network) { network, pattern in
      var matcher = PatternMatcher(network)
      return matcher.replaced(pattern) ? matcher.network.compacted() : network
    }
  }

  private mutating func replaced(_ pattern: Pattern) -> Bool {
    var found = false
    for index in network.nodes.indices {
      guard let match = pattern(&self, network.nodes[index]),
        isClosed(match, last: index)
      else { continue }
      network.nodes[index].operation = match.operation
      network.nodes[index].inputs = match.inputs
      found = true
    }
    return found
  }

  /// Whether nothing outside the pattern reads what is inside it.
  private func isClosed(_ match: Match, last: Int) -> Bool {
    let inside = Set(match.replaced).union([last])
    return match.replaced.allSatisfy { index in
      let output = network.nodes[index].output
      return !outputs.contains(output) && consumers[output.index].allSatisfy(inside.contains)
    }
  }
}
