/// y = alpha · x · W + beta · bias, with W `[K, M]`, or `[M, K]` where `transposesWeight`.
///
/// ONNX `MatMul` by a constant matrix is a Gemm without bias.
public struct Gemm: Sendable, Hashable {
  public var alpha: Float
  public var beta: Float
  public var transposesWeight: Bool

  public init(alpha: Float = 1, beta: Float = 1, transposesWeight: Bool = true) {
    self.alpha = alpha
    self.beta = beta
    self.transposesWeight = transposesWeight
  }

  /// The weight's axis of inputs; the other one is that of outputs.
  public var inputAxis: Int { transposesWeight ? 1 : 0 }
}

extension Gemm: OperatorRules {
  func outputShape(of inputs: [Shape?]) throws -> Shape {
    let x = try inputs.required(0, "x")
    let weight = try inputs.required(1, "weight")
    guard x.rank == 2, weight.rank == 2, weight[inputAxis] == x[1] else {
      throw NetworkError(.shapeMismatch, "weight \(weight) does not fit x \(x)")
    }
    let outputs = weight[1 - inputAxis]
    if inputs.count > 2, let bias = inputs[2] {
      guard bias.rank <= 2, bias.rank < 2 || bias[0] == .fixed(1),
        bias.rank == 0 || bias[bias.rank - 1] == outputs || bias[bias.rank - 1] == .fixed(1)
      else {
        throw NetworkError(.shapeMismatch, "bias \(bias) does not fit \(outputs) outputs")
      }
    }
    return Shape([x[0], outputs])
  }

  func macs(_ node: Node, in network: Network) -> AxisProduct? {
    node.inputs[1].map { weight in
      AxisProduct(
        factor: Int64(network[node.output].shape[0].perImage),
        axes: [AxisID(weight, 0), AxisID(weight, 1)])
    }
  }

  func weightAxes(_ node: Node, in network: Network) -> WeightAxes {
    guard let weight = node.inputs[1] else { return WeightAxes() }
    return WeightAxes(
      outputs: [AxisID(weight, 1 - inputAxis)], inputs: [AxisID(weight, inputAxis)])
  }

  func couple(_ node: Node, in network: Network, into coupling: inout ChannelCoupling) {
    guard let x = node.inputs[0], let weight = node.inputs[1] else { return }
    coupling.tie(.channel(x), AxisID(weight, inputAxis))
    coupling.tie(AxisID(weight, 1 - inputAxis), .channel(node.output))
    guard node.inputs.count > 2, let bias = node.inputs[2] else { return }
    let shape = network[bias].shape
    if shape.rank > 0, shape[shape.rank - 1] == network[node.output].shape[1] {
      coupling.tie(AxisID(bias, shape.rank - 1), .channel(node.output))
    }
  }
}
