import Execution
import NetworkGraph
import Tensors

/// Which nodes are layers with weights, and what they take in.
extension Fusion {
  /// The layer that a node is; nil where it is none, or its weights are computed.
  func layer(_ node: Node) -> FusedLayer? {
    guard node.inputs.count > 1, let weight = network.constant(node.inputs[1]),
      network.constant(node.inputs[0]) == nil
    else { return nil }
    let bias = node.inputs.count > 2 ? node.inputs[2] : nil
    let addends = network.constant(bias)
    guard bias == nil || addends != nil else { return nil }
    switch node.operation {
    case .convolution(let operation):
      return FusedLayer(kind: .convolution(operation), weight: weight, bias: addends?.elements)
    case .transposedConvolution(let operation):
      return FusedLayer(
        kind: .transposedConvolution(operation), weight: weight, bias: addends?.elements)
    case .gemm(let operation):
      var layer = FusedLayer(
        kind: .product(transposesWeight: operation.transposesWeight), weight: weight)
      if operation.alpha != 1 {
        layer.scale(by: Array(repeating: Double(operation.alpha), count: layer.outputs))
      }
      if let addends {
        guard let vector = addends.vector(along: 1, extent: layer.outputs, rank: 2) else {
          return nil
        }
        layer.shift(by: vector.map { Double($0) * Double(operation.beta) })
      }
      return layer
    case .matrixProduct where weight.rank == 2:
      return FusedLayer(kind: .product(transposesWeight: false), weight: weight)
    default: return nil
    }
  }

  /// Takes a node that follows into a layer.
  ///
  /// - Returns: Whether it fits.
  func absorb(_ node: Node, into layer: inout FusedLayer, of step: inout FusedStep) -> Bool {
    let shape = network[step.output].shape
    let isBare = layer.addend == nil && layer.functions.isEmpty
    if isBare, fold(node, into: &layer, rank: shape.rank) { return true }
    if let functions = functions(of: node) {
      guard ElementwiseFunction.canJoin(layer.functions + functions) else { return false }
      layer.functions += functions
      return true
    }
    if case .transposedConvolution = layer.kind { return false }
    guard isBare, node.operation == .elementwise(.add),
      let addend = activations(of: node).first(where: { $0 != step.output }),
      network[addend].shape == shape
    else { return false }
    layer.addend = addend
    step.inputs.append(addend)
    return true
  }

  /// Folds a normalisation, or an operation with a constant per channel, into a layer's weights.
  private func fold(_ node: Node, into layer: inout FusedLayer, rank: Int) -> Bool {
    let axis = layer.channelAxis(rank: rank)
    switch node.operation {
    case .batchNormalization(let operation):
      let parameters = node.inputs[1...].compactMap(network.constant)
      guard options.batchNormalization == .inference, parameters.count == 4, axis == 1 else {
        return false
      }
      layer.fold(operation, parameters)
      return true
    case .elementwise(let operation):
      guard let place = node.inputs.firstIndex(where: { network.constant($0) != nil }),
        let constant = network.constant(node.inputs[place]),
        let vector = constant.vector(along: axis, extent: layer.outputs, rank: rank)
      else { return false }
      return layer.fold(operation, vector, constantIsFirst: place == 0)
    default: return false
    }
  }
}

extension FusedLayer {
  /// Takes zeros around the spatial axes into a convolution's own.
  ///
  /// - Returns: Whether they are such.
  mutating func absorb(_ pad: Pad) -> Bool {
    guard case .convolution(var operation) = kind, pad.mode == .constant(0),
      pad.before.prefix(2) == [0, 0], pad.after.prefix(2) == [0, 0]
    else { return false }
    operation.padsBefore = zip(operation.padsBefore, pad.before.dropFirst(2)).map { $0 + $1 }
    operation.padsAfter = zip(operation.padsAfter, pad.after.dropFirst(2)).map { $0 + $1 }
    kind = .convolution(operation)
    return true
  }
}
