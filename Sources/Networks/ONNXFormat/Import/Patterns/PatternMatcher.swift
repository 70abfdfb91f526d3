import NetworkGraph
import Tensors

/// Replaces operators that a file spells out in several nodes by the one operator they mean.
struct PatternMatcher {
  /// What the last node of a pattern becomes.
  struct Match {
    var operation: Operator
    var inputs: [ValueID?]
    /// Nodes that the operator replaces, beside the last; nothing else may read their outputs.
    var replaced: [Int]
    /// Those of them that become another node before the last one.
    var rewritten: [Rewriting] = []
  }

  /// What a node before the last one becomes.
  struct Rewriting {
    var index: Int
    var operation: Operator
    var inputs: [ValueID?]
    /// Of its output.
    var shape: Shape
  }

  /// A pattern, seen from its last node; nil where it is not there.
  typealias Pattern = @Sendable (inout PatternMatcher, Node) -> Match?

  /// In this order: parameters join a normalisation once it has been recognised.
  static let patterns: [Pattern] = [
    gatedActivation, gelu, layerNormalization, groupNormalization, scaledNormalization,
    shiftedNormalization, channelShuffle,
  ]

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
    patterns.reduce(network) { network, pattern in
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
      for node in match.rewritten {
        network.nodes[node.index].operation = node.operation
        network.nodes[node.index].inputs = node.inputs
        network[network.nodes[node.index].output].shape = node.shape
      }
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

  /// The node that computes a value, where it is one of the operators wanted.
  func node(
    giving id: ValueID?, where isWanted: (Operator) -> Bool
  ) -> (index: Int, node: Node)? {
    guard let id, let index = producers[id.index], isWanted(network.nodes[index].operation) else {
      return nil
    }
    return (index, network.nodes[index])
  }

  /// The node that computes a value, where it is `operation`.
  func node(giving id: ValueID?, by operation: Operator) -> (index: Int, node: Node)? {
    node(giving: id) { $0 == operation }
  }

  /// Whether a value is a constant of one number, close to `number`.
  func isConstant(_ id: ValueID?, _ number: Float) -> Bool {
    scalar(id).map { Self.isClose($0, number) } ?? false
  }

  /// The one number of a constant.
  func scalar(_ id: ValueID?) -> Float? {
    guard let tensor = network.constant(id), tensor.count == 1 else { return nil }
    return tensor.elements.first
  }

  /// Equal up to the digits that files write constants with.
  static func isClose(_ a: Float, _ b: Float) -> Bool { abs(a - b) <= 1e-5 * abs(b) }

  /// The two operands of a node, in both orders.
  func orders(_ node: Node) -> [(ValueID, ValueID)] {
    guard node.inputs.count == 2, let a = node.inputs[0], let b = node.inputs[1] else { return [] }
    return [(a, b), (b, a)]
  }

  /// A constant in another shape, under its own name where nothing else reads it.
  mutating func reshaped(_ id: ValueID, to shape: [Int]) -> ValueID? {
    guard let tensor = network.constant(id) else { return nil }
    if tensor.shape == shape { return id }
    var names = Set(network.values.map(\.name))
    let name = network[id].name
    let isAlone = consumers[id.index].count == 1
    return network.addConstant(
      isAlone ? name : names.insertUnique("\(name).reshaped"), tensor.reshaped(shape))
  }
}
