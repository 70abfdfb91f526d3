import NetworkGraph

extension OperatorReader {
  /// Sums, extremes and softmax over axes.
  static let reductions: [String: OperatorReader] = {
    var result = [
      "ArgMax": arguments(isMinimum: false), "ArgMin": arguments(isMinimum: true),
      "Softmax": softmax(isLogarithm: false), "LogSoftmax": softmax(isLogarithm: true),
    ]
    for kind in Reduction.Kind.allCases {
      result[kind.name] = .init(["axes", "keepdims", "noop_with_empty_axes"]) {
        try $0.reduction(kind, $1)
      }
    }
    return result
  }()

  private static func arguments(isMinimum: Bool) -> OperatorReader {
    .init(["axis", "keepdims", "select_last_index"]) { importer, node in
      let x = try importer.activation(node)
      let axis = try node.resolvedAxis(node.integer("axis", default: 0), rank: x.shape.rank)
      let operation = ArgMax(
        axis: axis, keepsAxis: try node.flag("keepdims", default: true),
        selectsLast: try node.flag("select_last_index", default: false), isMinimum: isMinimum)
      return .activation(try importer.add(.argMax(operation), [x.id], for: node))
    }
  }

  private static func softmax(isLogarithm: Bool) -> OperatorReader {
    .init(["axis"]) { try $0.softmax(isLogarithm: isLogarithm, $1) }
  }
}

extension Importer {
  fileprivate mutating func reduction(
    _ kind: Reduction.Kind, _ node: NodeReader
  ) throws -> Symbol {
    let x = try activation(node)
    let since: Int64 = kind == .sum ? 13 : 18
    let axes = try integers(node, attribute: "axes", input: 1, since: since) ?? []
    if axes.isEmpty, try node.flag("noop_with_empty_axes", default: false) {
      return try unreduced(kind, x.id, node)
    }
    let rank = x.shape.rank
    let resolved = try Set(axes.map { try node.resolvedAxis($0, rank: rank) }).sorted()
    let operation = Reduction(
      kind, axes: resolved.isEmpty ? Array(0..<rank) : resolved,
      keepsAxes: try node.flag("keepdims", default: true))
    return .activation(try add(.reduction(operation), [x.id], for: node))
  }

  /// A reduction over no axes still applies its function to every element.
  private mutating func unreduced(
    _ kind: Reduction.Kind, _ x: ValueID, _ node: NodeReader
  ) throws -> Symbol {
    switch kind {
    case .mean, .sum, .maximum, .minimum, .product, .logSumExp: return .activation(x)
    case .l1, .l2: return .activation(try add(.activation(.absolute), [x], for: node))
    case .sumOfSquares:
      return .activation(try add(.elementwise(.multiply), [x, x], for: node))
    case .logSum: return .activation(try add(.activation(.logarithm), [x], for: node))
    }
  }

  /// Before opset 13 all axes from `axis` on are normalised together.
  fileprivate mutating func softmax(
    isLogarithm: Bool, _ node: NodeReader
  ) throws -> Symbol {
    let x = try activation(node)
    let given = try node.integer("axis", default: node.opset < 13 ? 1 : -1)
    let axis = try node.resolvedAxis(given, rank: x.shape.rank)
    let operation = Operator.softmax(Softmax(axis: axis, isLogarithm: isLogarithm))
    let joined = Shape(Array(x.shape.dimensions[axis...]))
    guard node.opset < 13, joined.dimensions.dropFirst().contains(where: { $0 != .fixed(1) })
    else { return .activation(try add(operation, [x.id], for: node)) }
    guard joined.batchAxis == nil else {
      throw node.failure(
        .unsupported, "its axis \(given) normalises over the batch; images must stay apart")
    }
    let flat = Shape(Array(x.shape.dimensions[..<axis]) + [.fixed(joined.elementsPerImage)])
    let rows = try add(.reshape(Reshape(target: flat)), [x.id], for: node)
    let result = try add(operation, [rows], for: node)
    return .activation(try add(.reshape(Reshape(target: x.shape)), [result], for: node))
  }
}
