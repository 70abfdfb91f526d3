/// The sum of two values, with broadcasting aligned at the last axis.
struct Add: OperatorRules {
  func outputShape(of inputs: [Shape?]) throws -> Shape {
    let a = try inputs.required(0, "a")
    let b = try inputs.required(1, "b")
    let rank = max(a.rank, b.rank)
    var result: [Dimension] = []
    for axis in 0..<rank {
      let left = axis - (rank - a.rank) >= 0 ? a[axis - (rank - a.rank)] : .fixed(1)
      let right = axis - (rank - b.rank) >= 0 ? b[axis - (rank - b.rank)] : .fixed(1)
      guard left == right || left == .fixed(1) || right == .fixed(1) else {
        throw NetworkError(.shapeMismatch, "shapes \(a) and \(b) do not broadcast")
      }
      result.append(left == .fixed(1) ? right : left)
    }
    return Shape(result)
  }

  func couple(_ node: Node, in network: Network, into coupling: inout ChannelCoupling) {
    let output = network[node.output].shape
    guard output.rank > 1 else { return }
    for case let input? in node.inputs {
      let shape = network[input].shape
      let axis = 1 - (output.rank - shape.rank)
      guard axis >= 0 else { continue }
      if shape[axis] == output[1] {
        coupling.tie(AxisID(input, axis), .channel(node.output))
      } else {
        coupling.protect(
          AxisID(input, axis), "\"\(node.name)\" broadcasts it over the channels of another value")
      }
    }
  }

  func pruned(
    _ node: Node, in network: Network, keeping kept: (AxisID) -> [Int]?
  ) -> Operator { node.operation }
}
