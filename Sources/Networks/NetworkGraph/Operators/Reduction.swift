/// A sum, mean or extreme over axes.
public struct Reduction: Sendable, Hashable {
  public enum Kind: String, Sendable, Hashable, CaseIterable {
    case mean, sum, maximum, minimum, product, l1, l2, sumOfSquares, logSum, logSumExp

    /// The ONNX operator's name.
    public var name: String {
      switch self {
      case .mean: "ReduceMean"
      case .sum: "ReduceSum"
      case .maximum: "ReduceMax"
      case .minimum: "ReduceMin"
      case .product: "ReduceProd"
      case .l1: "ReduceL1"
      case .l2: "ReduceL2"
      case .sumOfSquares: "ReduceSumSquare"
      case .logSum: "ReduceLogSum"
      case .logSumExp: "ReduceLogSumExp"
      }
    }

    /// What it is of a set of numbers.
    var noun: String {
      switch self {
      case .mean, .sum, .maximum, .minimum, .product: rawValue
      case .l1, .l2: "norm"
      case .sumOfSquares: "sum of squares"
      case .logSum: "logarithm of the sum"
      case .logSumExp: "logarithm of the sum of exponentials"
      }
    }
  }

  public var kind: Kind
  /// Non-negative and sorted.
  public var axes: [Int]
  public var keepsAxes: Bool

  public init(_ kind: Kind = .mean, axes: [Int], keepsAxes: Bool) {
    self.kind = kind
    self.axes = axes
    self.keepsAxes = keepsAxes
  }
}

extension Reduction: OperatorRules {
  func outputShape(of inputs: [Shape?]) throws -> Shape {
    let x = try inputs.required(0, "x")
    for axis in axes { try x.check(axis: axis, "\(kind.name) over") }
    return x.reduced(over: axes, keepsAxes: keepsAxes)
  }

  func couple(_ node: Node, in network: Network, into coupling: inout ChannelCoupling) {
    coupling.tieReduced(
      node, axes: axes, keepsAxes: keepsAxes, "takes the \(kind.noun) over its channels")
  }
}

/// The place of the greatest or least element along an axis.
public struct ArgMax: Sendable, Hashable {
  public var axis: Int
  public var keepsAxis: Bool
  /// Of equal elements, the last one instead of the first.
  public var selectsLast: Bool
  public var isMinimum: Bool

  public init(
    axis: Int, keepsAxis: Bool, selectsLast: Bool = false, isMinimum: Bool = false
  ) {
    self.axis = axis
    self.keepsAxis = keepsAxis
    self.selectsLast = selectsLast
    self.isMinimum = isMinimum
  }
}

extension ArgMax: OperatorRules {
  func outputShape(of inputs: [Shape?]) throws -> Shape {
    let x = try inputs.required(0, "x")
    try x.check(axis: axis, "the greatest element along")
    return x.reduced(over: [axis], keepsAxes: keepsAxis)
  }

  func couple(_ node: Node, in network: Network, into coupling: inout ChannelCoupling) {
    coupling.tieReduced(
      node, axes: [axis], keepsAxes: keepsAxis, "numbers its channels, which must keep their places"
    )
  }
}

extension Shape {
  fileprivate func reduced(over axes: [Int], keepsAxes: Bool) -> Shape {
    Shape(
      dimensions.enumerated().compactMap { axis, dimension in
        if axes.contains(axis) { keepsAxes ? .fixed(1) : nil } else { dimension }
      })
  }
}

extension ChannelCoupling {
  /// Axes that are not reduced go with those of the output; reduced ones stay.
  fileprivate mutating func tieReduced(
    _ node: Node, axes: [Int], keepsAxes: Bool, _ reason: String
  ) {
    guard let x = node.inputs.first ?? nil else { return }
    var place = 0
    for axis in 0..<rank(of: x) {
      if axes.contains(axis) {
        protect(AxisID(x, axis), "\"\(node.name)\" \(reason)")
        place += keepsAxes ? 1 : 0
      } else {
        tie(AxisID(x, axis), AxisID(node.output, place))
        place += 1
      }
    }
  }
}
