extension Network {
  /// Some of the nodes as a network of their own: activations that come from outside are its
  /// inputs, and what the last node writes is its output.
  ///
  /// - Parameter members: The places of the nodes, ascending; not empty.
  public func extracting(_ members: [Int], name: String) -> Network {
    var result = Network(name: name, metadata: metadata)
    var places: [ValueID: ValueID] = [:]
    for index in members {
      let node = nodes[index]
      let inputs = node.inputs.map { input -> ValueID? in
        guard let input else { return nil }
        if let known = places[input] { return known }
        let value = self[input]
        let copy: ValueID
        if let constant = value.constant {
          copy = result.addConstant(value.name, constant)
        } else {
          copy = result.addActivation(value.name, shape: value.shape, type: value.elementType)
          result.inputs.append(copy)
        }
        places[input] = copy
        return copy
      }
      let value = self[node.output]
      let output = result.addActivation(value.name, shape: value.shape, type: value.elementType)
      places[node.output] = output
      result.nodes.append(
        Node(name: node.name, operation: node.operation, inputs: inputs, output: output))
    }
    result.outputs = result.nodes.suffix(1).map(\.output)
    return result
  }
}
