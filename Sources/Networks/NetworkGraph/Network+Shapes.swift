extension Network {
  /// Infers the shape and type of every activation from the inputs' and the weights'.
  ///
  /// - Throws: ``NetworkError`` with the node's name.
  public mutating func inferShapes() throws {
    for node in nodes {
      let shapes = node.inputs.map { input in input.map { self[$0].shape } }
      self[node.output].shape = try node.operation.outputShape(of: shapes, node: node.name)
      self[node.output].elementType = outputType(of: node)
    }
  }

  /// The type of a node's output: that of its first input, unless the operator changes it.
  public func outputType(of node: Node) -> ElementType {
    switch node.operation {
    case .argMax: .int64
    case .cast(let cast): cast.type
    default: node.inputs.compactMap(\.self).first.map { self[$0].elementType } ?? .float32
    }
  }
}
