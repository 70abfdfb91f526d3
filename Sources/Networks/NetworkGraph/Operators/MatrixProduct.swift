/// The product of matrices `[…, M, K]` and `[…, K, P]`; axes before the last two broadcast.
///
/// A value of one axis is a row on the left and a column on the right, as in NumPy.
public struct MatrixProduct: Sendable, Hashable {
  public init() {}
}

extension MatrixProduct: OperatorRules {
  func outputShape(of inputs: [Shape?]) throws -> Shape {
    let a = try inputs.required(0, "a", minimumRank: 1)
    let b = try inputs.required(1, "b", minimumRank: 1)
    let depth = b[b.rank == 1 ? 0 : b.rank - 2]
    guard a[a.rank - 1] == depth, !depth.isBatch else {
      throw NetworkError(.shapeMismatch, "a \(a) and b \(b) differ in the axis they share")
    }
    let outer = try Shape.broadcast(
      Shape(Array(a.dimensions.dropLast(2))), Shape(Array(b.dimensions.dropLast(2))))
    let rows = a.rank > 1 ? [a[a.rank - 2]] : []
    let columns = b.rank > 1 ? [b[b.rank - 1]] : []
    return try Shape(outer.dimensions + rows + columns)
      .withOneBatch("a \(a) and b \(b)")
  }

  func macs(_ node: Node, in network: Network) -> AxisProduct? {
    guard let a = node.inputs[0] else { return nil }
    let output = (0..<network[node.output].shape.rank).map { AxisID(node.output, $0) }
    return AxisProduct(factor: 1, axes: output + [AxisID(a, network[a].shape.rank - 1)])
  }

  func weightAxes(_ node: Node, in network: Network) -> WeightAxes {
    guard let a = node.inputs[0], let b = node.inputs[1] else { return WeightAxes() }
    let (left, right) = (network[a].shape.rank, network[b].shape.rank)
    if network.constant(b) != nil, right > 1 {
      return WeightAxes(outputs: [AxisID(b, right - 1)], inputs: [AxisID(b, right - 2)])
    }
    if network.constant(a) != nil, left > 1 {
      return WeightAxes(outputs: [AxisID(a, left - 2)], inputs: [AxisID(a, left - 1)])
    }
    return WeightAxes()
  }

  func couple(_ node: Node, in network: Network, into coupling: inout ChannelCoupling) {
    guard let a = node.inputs[0], let b = node.inputs[1] else { return }
    let (left, right) = (coupling.rank(of: a), coupling.rank(of: b))
    let output = coupling.rank(of: node.output)
    coupling.tie(AxisID(a, left - 1), AxisID(b, max(right - 2, 0)))
    if right > 1 { coupling.tie(AxisID(b, right - 1), AxisID(node.output, output - 1)) }
    if left > 1 {
      coupling.tie(AxisID(a, left - 2), AxisID(node.output, output - (right > 1 ? 2 : 1)))
    }
    // The axes before the matrices, aligned at the last of them.
    let matrixAxes = (left > 1 ? 1 : 0) + (right > 1 ? 1 : 0)
    for (value, rank) in [(a, left), (b, right)] where rank > 2 {
      for axis in 0..<rank - 2 {
        let own = AxisID(value, axis)
        let shared = AxisID(node.output, output - matrixAxes - (rank - 2) + axis)
        if coupling.extent(own) == coupling.extent(shared) { coupling.tie(own, shared) }
      }
    }
  }
}
