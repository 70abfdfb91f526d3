import NetworkGraph
import Tensors
import TestSupport

/// A network of one operator, for the table that both backends are compared on.
struct OperatorCase: Sendable, CustomStringConvertible {
  var description: String
  var operation: Operator
  /// Of one image.
  var input: [Int]
  /// Activations after the first one.
  var others: [Shape] = []
  /// Shapes of constant inputs, in order; nil where an optional one is left out.
  var constants: [[Int]?] = []
  /// Whether the constants stand before the activations.
  var constantsAreFirst = false
  /// Whether the function is defined for positive numbers alone.
  var isPositive = false

  /// A network with seeded weights; positive, so that they serve as variances too.
  ///
  /// - Parameter followsConvolution: Whether the input comes from a convolution, in its layout.
  func network(followsConvolution: Bool = false) throws -> Network {
    var generator = SeededGenerator(seed: 7)
    var network = Network(name: description)
    var x = network.addActivation("x", shape: .batched(input))
    network.inputs = [x]
    if followsConvolution { x = addConvolution(to: &network, x, &generator) }
    let more = others.enumerated().map { network.addActivation("x\($0 + 1)", shape: $1) }
    network.inputs += more
    let y = network.addActivation("y")
    let weights = constants.enumerated().map { place, shape in
      shape.map { network.addConstant("w\(place)", .random($0, in: 0.1...1, using: &generator)) }
    }
    let activations: [ValueID?] = [x] + more
    network.nodes.append(
      Node(
        name: "node", operation: operation,
        inputs: constantsAreFirst ? weights + activations : activations + weights, output: y))
    network.outputs = [y]
    try network.inferShapes()
    return network
  }

  private func addConvolution(
    to network: inout Network, _ x: ValueID, _ generator: inout SeededGenerator
  ) -> ValueID {
    let ones = input.dropFirst().map { _ in 1 }
    let range: ClosedRange<Float> = isPositive ? 0...1 : -1...1
    let weight = network.addConstant(
      "weight", .random([input[0], input[0]] + ones, in: range, using: &generator))
    let output = network.addActivation("convolved")
    network.nodes.append(
      Node(
        name: "convolution", operation: .convolution(.init(kernel: ones)), inputs: [x, weight],
        output: output))
    return output
  }

  static let all: [OperatorCase] =
    convolutions + transposedConvolutions + products + activations + pairs + normalizations
    + poolings + reductions + movements + selections + resizes + shuffles
}

extension Tensor {
  static func random(
    _ shape: [Int], in range: ClosedRange<Float> = -1...1, using generator: inout SeededGenerator
  ) -> Tensor {
    let elements = (0..<shape.elementCount).map { _ in
      Float.random(in: range, using: &generator)
    }
    return Tensor(shape: shape, elements: elements)
  }
}
