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

  /// A transposed convolution that makes `stride` times as many rows and columns.
  public mutating func transposedConvolution(
    _ x: ValueID, outputs: Int, stride: Int = 2, groups: Int = 1, name: String
  ) throws -> ValueID {
    let inputs = network[x].shape[1].extent ?? 0
    let scale = 2 / Float(inputs / groups).squareRoot()
    let weight = constant(
      "\(name).weight", [inputs, outputs / groups, stride, stride], in: -scale...scale)
    let operation = TransposedConvolution(
      kernel: [stride, stride], strides: [stride, stride], groups: groups)
    return try apply(
      .transposedConvolution(operation), to: [x, weight, constant("\(name).bias", [outputs])],
      name: name)
  }

  /// A convolution with weights that are there already.
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

  /// A product with a constant matrix over the last axis, and a sum with a bias.
  public mutating func linear(
    _ x: ValueID, outputs: Int, name: String
  ) throws -> ValueID {
    let shape = network[x].shape
    let inputs = shape[shape.rank - 1].extent ?? 0
    let scale = 2 / Float(inputs).squareRoot()
    let weight = constant("\(name).weight", [inputs, outputs], in: -scale...scale)
    let product = try apply(.matrixProduct(MatrixProduct()), to: [x, weight], name: name)
    return try add(product, constant("\(name).bias", [outputs]), name: "\(name).sum")
  }

  /// Normalisation over the last axis.
  public mutating func layerNormalization(_ x: ValueID, name: String) throws -> ValueID {
    let shape = network[x].shape
    let extent = shape[shape.rank - 1].extent ?? 0
    return try apply(
      .normalization(Normalization(.layer(axis: shape.rank - 1))),
      to: [
        x, constant("\(name).scale", [extent], in: 0.5...1.5), constant("\(name).shift", [extent]),
      ], name: name)
  }

  public mutating func groupNormalization(
    _ x: ValueID, groups: Int, name: String
  ) throws -> ValueID {
    let channels = network[x].shape[1].extent ?? 0
    return try apply(
      .normalization(Normalization(.group(groups))),
      to: [
        x, constant("\(name).scale", [channels], in: 0.5...1.5),
        constant("\(name).shift", [channels]),
      ], name: name)
  }

  public mutating func multiply(_ a: ValueID, _ b: ValueID, name: String) throws -> ValueID {
    try apply(.elementwise(.multiply), to: [a, b], name: name)
  }

  public mutating func activation(
    _ function: Activation, _ x: ValueID, name: String
  ) throws -> ValueID {
    try apply(.activation(function), to: [x], name: name)
  }

  public mutating func concat(
    _ values: ValueID..., axis: Int = 1, name: String
  ) throws -> ValueID {
    try apply(.concat(Concat(axis: axis)), to: values, name: name)
  }

  /// Channels `range` of x.
  public mutating func slice(_ x: ValueID, _ range: Range<Int>, name: String) throws -> ValueID {
    let range = Slice.Range(axis: 1, start: range.lowerBound, end: range.upperBound)
    return try apply(.slice(Slice(ranges: [range])), to: [x], name: name)
  }

  public mutating func reshape(_ x: ValueID, _ extents: [Int], name: String) throws -> ValueID {
    try apply(.reshape(Reshape(target: .batched(extents))), to: [x], name: name)
  }

  public mutating func transpose(
    _ x: ValueID, _ permutation: [Int], name: String
  ) throws -> ValueID {
    try apply(.transpose(Transpose(permutation: permutation)), to: [x], name: name)
  }

  /// One more input of the network.
  public mutating func addInput(_ name: String, _ extents: [Int]) -> ValueID {
    let input = network.addActivation(name, shape: .batched(extents))
    network.inputs.append(input)
    return input
  }

  /// Pooling, flattening and a fully connected layer of three classes.
  public mutating func classifier(_ x: ValueID) throws -> Network {
    let logits = try gemm(flatten(globalAverage(x)), outputs: 3, name: "classifier")
    return finished(logits)
  }
}
