import NetworkGraph
import Tensors

/// The least network that can be scored: two convolutions, each with a group of channels.
enum SimulatedNetwork {
  static let image = [3, 4, 4]

  static func make() throws -> Network {
    var network = Network(name: "simulated")
    var x = network.addActivation("input", shape: .batched(image))
    network.inputs = [x]
    func apply(_ operation: Operator, _ inputs: [ValueID?], _ name: String) throws -> ValueID {
      let shapes = inputs.map { id in id.map { network[$0].shape } }
      let output = network.addActivation(
        name, shape: try operation.outputShape(of: shapes, node: name))
      network.nodes.append(Node(name: name, operation: operation, inputs: inputs, output: output))
      return output
    }
    for (number, channels) in [(3, 8), (8, 8)].enumerated() {
      let name = "conv\(number)"
      let shape = [channels.1, channels.0, 3, 3]
      let weight = network.addConstant(
        "\(name).weight",
        Tensor(shape: shape, elements: (0..<shape.elementCount).map { Float($0 % 7) - 3 }))
      let convolution = Convolution(
        kernel: [3, 3], strides: [1, 1], padsBefore: [1, 1], padsAfter: [1, 1], groups: 1)
      x = try apply(.convolution(convolution), [x, weight], name)
      x = try apply(.activation(.relu), [x], "\(name).relu")
    }
    x = try apply(.pooling(Pooling(kind: .average(countsPadding: false), kernel: nil)), [x], "pool")
    x = try apply(.flatten(Flatten()), [x], "flatten")
    let weight = network.addConstant(
      "fc.weight", Tensor(shape: [4, 8], elements: (0..<32).map { Float($0 % 5) - 2 }))
    x = try apply(.gemm(Gemm(transposesWeight: true)), [x, weight], "fc")
    network.outputs = [x]
    return network
  }
}
