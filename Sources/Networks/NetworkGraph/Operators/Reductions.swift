/// The mean over `axes`.
public struct ReduceMean: Sendable, Hashable {
  /// Non-negative and sorted.
  public var axes: [Int]
  public var keepsAxes: Bool

  public init(axes: [Int], keepsAxes: Bool) {
    self.axes = axes
    self.keepsAxes = keepsAxes
  }
}

extension ReduceMean: OperatorRules {
  func outputShape(of inputs: [Shape?]) throws -> Shape {
    let x = try inputs.required(0, "x")
    guard axes.allSatisfy({ (1..<x.rank).contains($0) }) else {
      throw NetworkError(
        .unsupported, "axes \(axes) of x \(x): a mean over the batch cannot be split over images")
    }
    return Shape(
      x.dimensions.enumerated().compactMap { axis, dimension in
        if axes.contains(axis) { keepsAxes ? .fixed(1) : nil } else { dimension }
      })
  }

  func couple(_ node: Node, in network: Network, into coupling: inout ChannelCoupling) {
    guard let x = node.inputs[0] else { return }
    if axes.contains(1) {
      coupling.protect(.channel(x), "\"\(node.name)\" takes the mean over its channels")
    } else {
      coupling.tie(.channel(x), .channel(node.output))
    }
  }

  func pruned(
    _ node: Node, in network: Network, keeping kept: (AxisID) -> [Int]?
  ) -> Operator { node.operation }
}

/// exp(x) / Σ exp(x) along one axis.
public struct Softmax: Sendable, Hashable {
  public var axis: Int

  public init(axis: Int) { self.axis = axis }
}

extension Softmax: OperatorRules {
  func outputShape(of inputs: [Shape?]) throws -> Shape {
    let x = try inputs.required(0, "x")
    guard (1..<x.rank).contains(axis) else {
      throw NetworkError(.shapeMismatch, "axis \(axis) is outside x \(x), or its batch")
    }
    return x
  }

  func couple(_ node: Node, in network: Network, into coupling: inout ChannelCoupling) {
    guard let x = node.inputs[0] else { return }
    coupling.tie(.channel(x), .channel(node.output))
    if axis == 1 {
      coupling.protect(.channel(x), "\"\(node.name)\" normalises over its channels")
    }
  }

  func pruned(
    _ node: Node, in network: Network, keeping kept: (AxisID) -> [Int]?
  ) -> Operator { node.operation }
}
