import NetworkGraph
import Tensors
import TestSupport

/// Writes down a small network node by node, with random weights of ordinary size.
public struct NetworkBuilder {
  public private(set) var network: Network
  public let input: ValueID
  private var generator: SeededGenerator

  /// - Parameter input: The extents of one image.
  public init(_ name: String, input extents: [Int], seed: UInt64 = 1) {
    network = Network(name: name)
    input = network.addActivation("input", shape: .batched(extents))
    network.inputs = [input]
    generator = SeededGenerator(seed: seed)
  }

  /// The network with `outputs` as its results.
  public func finished(_ outputs: ValueID...) -> Network {
    var result = network
    result.outputs = outputs
    return result
  }

  /// Adds a node whose output has the node's name.
  public mutating func apply(
    _ operation: Operator, to inputs: [ValueID?], name: String
  ) throws -> ValueID {
    let shapes = inputs.map { id in id.map { network[$0].shape } }
    let shape = try operation.outputShape(of: shapes, node: name)
    let output = network.addActivation(name, shape: shape)
    network.nodes.append(Node(name: name, operation: operation, inputs: inputs, output: output))
    return output
  }

  /// Adds a constant with elements from `range`.
  public mutating func constant(
    _ name: String, _ shape: [Int], in range: ClosedRange<Float> = -1...1
  ) -> ValueID {
    let elements = (0..<shape.elementCount).map { _ in Float.random(in: range, using: &generator) }
    return network.addConstant(name, Tensor(shape: shape, elements: elements))
  }

  /// A square convolution that keeps the extents where `stride` is 1 and the kernel is odd.
  public mutating func convolution(
    _ x: ValueID, outputs: Int, kernel: Int = 3, stride: Int = 1, groups: Int = 1,
    bias hasBias: Bool = true, name: String
  ) throws -> ValueID {
    let fanIn = (network[x].shape[1].extent ?? 0) / groups
    let scale = 2 / Float(fanIn * kernel * kernel).squareRoot()
    let weight = constant(
      "\(name).weight", [outputs, fanIn, kernel, kernel], in: -scale...scale)
    let bias = hasBias ? constant("\(name).bias", [outputs]) : nil
    return try convolution(
      x, weight: weight, bias: bias, stride: stride, groups: groups, name: name)
  }

  /// The same with weights that are there already.
  public mutating func convolution(
    _ x: ValueID, weight: ValueID, bias: ValueID? = nil, stride: Int = 1, groups: Int = 1,
    name: String
  ) throws -> ValueID {
    let kernel = network[weight].shape.dimensions[2...].map { $0.extent ?? 1 }
    let operation = Convolution(
      kernel: kernel, strides: kernel.map { _ in stride }, padsBefore: kernel.map { $0 / 2 },
      padsAfter: kernel.map { $0 / 2 }, groups: groups)
    return try apply(
      .convolution(operation), to: [x, weight] + (bias.map { [$0] } ?? []), name: name)
  }

  public mutating func batchNormalization(_ x: ValueID, name: String) throws -> ValueID {
    let channels = network[x].shape[1].extent ?? 0
    let inputs = [
      x, constant("\(name).scale", [channels], in: 0.5...1.5),
      constant("\(name).shift", [channels]), constant("\(name).mean", [channels]),
      constant("\(name).variance", [channels], in: 0.5...1.5),
    ]
    return try apply(.batchNormalization(BatchNormalization()), to: inputs, name: name)
  }

  public mutating func relu(_ x: ValueID, name: String) throws -> ValueID {
    try apply(.activation(.relu), to: [x], name: name)
  }

  public mutating func add(_ a: ValueID, _ b: ValueID, name: String) throws -> ValueID {
    try apply(.elementwise(.add), to: [a, b], name: name)
  }

  public mutating func globalAverage(_ x: ValueID, name: String = "pool") throws -> ValueID {
    let pooling = Pooling(kind: .average(countsPadding: false), kernel: nil)
    return try apply(.pooling(pooling), to: [x], name: name)
  }

  public mutating func flatten(_ x: ValueID, name: String = "flatten") throws -> ValueID {
    try apply(.flatten(Flatten()), to: [x], name: name)
  }

  public mutating func gemm(
    _ x: ValueID, outputs: Int, transposesWeight: Bool = true, name: String
  ) throws -> ValueID {
    let inputs = network[x].shape[1].extent ?? 0
    let scale = 2 / Float(inputs).squareRoot()
    let weight = constant(
      "\(name).weight", transposesWeight ? [outputs, inputs] : [inputs, outputs],
      in: -scale...scale)
    let bias = constant("\(name).bias", [outputs])
    return try apply(
      .gemm(Gemm(transposesWeight: transposesWeight)), to: [x, weight, bias], name: name)
  }

  /// Pooling, flattening and a fully connected layer of three classes.
  public mutating func classifier(_ x: ValueID) throws -> Network {
    let logits = try gemm(flatten(globalAverage(x)), outputs: 3, name: "classifier")
    return finished(logits)
  }
}
