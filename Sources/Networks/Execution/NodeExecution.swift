import NetworkGraph

/// What computes one node of a network, for people to read.
public struct NodeExecution: Sendable, Hashable {
  /// The node's place in ``Network/nodes``.
  public var node: Int
  /// In the backend's words, such as `onednn convolution (brgconv:avx512_core)` or `reference`.
  public var computedBy: String
  /// The node whose computation includes this one; nil where the node is computed by itself.
  public var fusedInto: Int?

  public init(node: Int, computedBy: String, fusedInto: Int? = nil) {
    self.node = node
    self.computedBy = computedBy
    self.fusedInto = fusedInto
  }
}

extension Backend {
  /// A backend that chooses nothing computes every node that a run needs by itself.
  public func explain(
    _ network: Network, options: ExecutionOptions
  ) throws -> [NodeExecution] {
    try options.executedNodes(of: network).map {
      NodeExecution(node: $0, computedBy: identity.name)
    }
  }
}
