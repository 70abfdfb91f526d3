extension Network {
  /// Infers the shape of every activation from the inputs' shapes and the weights.
  ///
  /// - Throws: ``NetworkError`` with the node's name.
  public mutating func inferShapes() throws {
    for node in nodes {
      let shapes = node.inputs.map { input in input.map { self[$0].shape } }
      self[node.output].shape = try node.operation.outputShape(of: shapes, node: node.name)
    }
  }

  /// The shapes of a node's inputs; nil where one is left out.
  func inputShapes(_ node: Node) -> [Shape?] {
    node.inputs.map { input in input.map { self[$0].shape } }
  }
}
