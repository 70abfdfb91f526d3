/// Maximum or average over windows of the spatial axes.
public struct Pooling: Sendable, Hashable {
  public enum Kind: Sendable, Hashable {
    case maximum
    /// `countsPadding`: whether padded zeros count in the divisor (ONNX `count_include_pad`).
    case average(countsPadding: Bool)
  }

  public var kind: Kind
  /// Per spatial axis; nil means the whole extent (global pooling).
  public var kernel: [Int]?
  public var strides: [Int]
  public var dilations: [Int]
  public var padsBefore: [Int]
  public var padsAfter: [Int]
  /// Round the output extent up instead of down (ONNX `ceil_mode`).
  public var roundsUp: Bool

  public init(
    kind: Kind, kernel: [Int]?, strides: [Int] = [], dilations: [Int] = [],
    padsBefore: [Int] = [], padsAfter: [Int] = [], roundsUp: Bool = false
  ) {
    self.kind = kind
    self.kernel = kernel
    let rank = kernel?.count ?? 0
    self.strides = strides.isEmpty ? Array(repeating: 1, count: rank) : strides
    self.dilations = dilations.isEmpty ? Array(repeating: 1, count: rank) : dilations
    self.padsBefore = padsBefore.isEmpty ? Array(repeating: 0, count: rank) : padsBefore
    self.padsAfter = padsAfter.isEmpty ? Array(repeating: 0, count: rank) : padsAfter
    self.roundsUp = roundsUp
  }

  /// The ONNX operator's name.
  public var name: String {
    switch (kind, kernel == nil) {
    case (.maximum, false): "MaxPool"
    case (.maximum, true): "GlobalMaxPool"
    case (.average, false): "AveragePool"
    case (.average, true): "GlobalAveragePool"
    }
  }
}

extension Pooling: OperatorRules {
  func outputShape(of inputs: [Shape?]) throws -> Shape {
    let x = try inputs.required(0, "x", minimumRank: 3)
    let spatial = x.rank - 2
    try x.check(axesFrom: 2, "pooling over")
    guard let kernel else {
      return Shape([x[0], x[1]] + Array(repeating: .fixed(1), count: spatial))
    }
    guard
      [kernel, strides, dilations, padsBefore, padsAfter].allSatisfy({ $0.count == spatial })
    else {
      throw NetworkError(.shapeMismatch, "kernel \(kernel) does not fit the rank of x \(x)")
    }
    var result: [Dimension] = [x[0], x[1]]
    for axis in 0..<spatial {
      let extent = try x.extent(axis + 2, "x")
      let room =
        extent + padsBefore[axis] + padsAfter[axis]
        - (dilations[axis] * (kernel[axis] - 1) + 1)
      guard room >= 0, strides[axis] > 0, kernel[axis] > 0, dilations[axis] > 0 else {
        throw NetworkError(.shapeMismatch, "kernel \(kernel) is larger than the padded input \(x)")
      }
      var steps = room / strides[axis]
      if roundsUp, room % strides[axis] != 0,
        // A window that would start in the trailing pad is left out, as ONNX says.
        (steps + 1) * strides[axis] < extent + padsBefore[axis]
      {
        steps += 1
      }
      result.append(.fixed(steps + 1))
    }
    return Shape(result)
  }

  func couple(_ node: Node, in network: Network, into coupling: inout ChannelCoupling) {
    guard let x = node.inputs[0] else { return }
    coupling.tie(.channel(x), .channel(node.output))
  }
}
