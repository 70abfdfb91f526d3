import NetworkGraph
import ONNXSchema

/// Numbers computed at import.
extension Evaluation {
  /// A function of every element; nil where the operator is none of those evaluated.
  func computed() throws -> ConstantValue? {
    switch node.type {
    case "Add", "Sub", "Mul", "Div", "Pow", "Min", "Max", "Mod", "Sum", "Equal", "Greater",
      "GreaterOrEqual", "Less", "LessOrEqual", "And", "Or":
      return try combined()
    case "Not":
      return ConstantValue(
        shape: first.shape,
        integers: try whole(first).map { $0 == .fixed(0) ? .fixed(1) : .fixed(0) })
    case "Abs", "Neg":
      guard let dimensions = first.dimensions else { return mapped() }
      let isNegation = node.type == "Neg"
      return ConstantValue(
        shape: first.shape,
        integers: try dimensions.map { dimension in
          guard let extent = dimension.extent, extent > .min else {
            throw node.failure(.unsupported, "it computes with the batch size")
          }
          return .fixed(isNegation ? -extent : abs(extent))
        })
    case "CastLike":
      guard let like = input(1) else { return nil }
      return try cast(to: like.floats == nil ? 7 : 1)
    default: return mapped()
    }
  }

  private func mapped() -> ConstantValue? {
    guard let floats = first.floats, let function = ElementFunctions.all[node.type] else {
      return nil
    }
    return ConstantValue(shape: first.shape, floats: floats.map(function))
  }

  /// The inputs, combined from the first on.
  private func combined() throws -> ConstantValue {
    let operands = inputs.compactMap { $0 }
    guard operands.count == inputs.count,
      node.type == "Sum" || node.type.hasPrefix("M")
        || operands.count == 2
    else { throw node.failure(.invalidGraph, "it needs two inputs") }
    return try operands.dropFirst().reduce(first) { try combined($0, $1) }
  }

  private func combined(
    _ first: ConstantValue, _ second: ConstantValue
  ) throws -> ConstantValue {
    let shape = try broadcast(first.shape, second.shape)
    let left = first.rearranged(.broadcasting(first.shape, to: shape))
    let right = second.rearranged(.broadcasting(second.shape, to: shape))
    switch (left.elements, right.elements) {
    case (.floats(let a), .floats(let b)):
      if let values = compare(a, b, { $0 < $1 }) {
        return ConstantValue(shape: shape, integers: values)
      }
      return ConstantValue(shape: shape, floats: try zip(a, b).map(compute))
    case (.integers(let a), .integers(let b)):
      if node.type == "Equal" || node.type == "And" || node.type == "Or" || isFixed(a + b),
        let values = compare(a, b, { ($0.extent ?? 0) < ($1.extent ?? 0) })
      {
        return ConstantValue(shape: shape, integers: values)
      }
      return ConstantValue(shape: shape, integers: try zip(a, b).map(compute))
    default: throw node.failure(.invalidGraph, "its inputs are integers and floats")
    }
  }

  private func isFixed(_ dimensions: [Dimension]) -> Bool { !dimensions.contains(where: \.isBatch) }

  /// Truth values; nil where the operator does not compare.
  private func compare<Element: Equatable>(
    _ a: [Element], _ b: [Element], _ isLess: (Element, Element) -> Bool
  ) -> [Dimension]? {
    func truths(_ isTrue: (Element, Element) -> Bool) -> [Dimension] {
      zip(a, b).map { .fixed(isTrue($0, $1) ? 1 : 0) }
    }
    switch node.type {
    case "Equal": return truths { $0 == $1 }
    case "Less": return truths { isLess($0, $1) }
    case "LessOrEqual": return truths { $0 == $1 || isLess($0, $1) }
    case "Greater": return truths { isLess($1, $0) }
    case "GreaterOrEqual": return truths { $0 == $1 || isLess($1, $0) }
    default: return nil
    }
  }

  private func compute(_ a: Float, _ b: Float) throws -> Float {
    switch node.type {
    case "Add", "Sum": a + b
    case "Sub": a - b
    case "Mul": a * b
    case "Div": a / b
    case "Pow": ElementFunctions.power(a, b)
    case "Min": min(a, b)
    case "Max": max(a, b)
    default: throw node.failure(.unsupported, "it is not computed on floats; simplify the model")
    }
  }

  private func compute(_ a: Dimension, _ b: Dimension) throws -> Dimension {
    guard let left = a.extent, let right = b.extent else { return try computeBatch(a, b) }
    let (result, overflow): (Int, Bool) =
      switch node.type {
      case "Add", "Sum": left.addingReportingOverflow(right)
      case "Sub": left.subtractingReportingOverflow(right)
      case "Mul": left.multipliedReportingOverflow(by: right)
      // Towards zero; a division by zero counts as overflow.
      case "Div": left.dividedReportingOverflow(by: right)
      case "Min": (min(left, right), false)
      case "Max": (max(left, right), false)
      case "And": (left != 0 && right != 0 ? 1 : 0, false)
      case "Or": (left != 0 || right != 0 ? 1 : 0, false)
      case "Mod": modulo(left, right)
      default: (0, true)
      }
    guard !overflow else {
      throw node.failure(
        .invalidGraph, "\(left) and \(right) overflow, or it divides by zero")
    }
    return .fixed(result)
  }

  /// The remainder with the sign of the divisor, as Python has it.
  private func modulo(_ a: Int, _ b: Int) -> (Int, Bool) {
    let (rest, overflow) = a.remainderReportingOverflow(dividingBy: b)
    return (rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest, overflow)
  }

  /// Only what gives a multiple of the batch, or does not depend on it.
  private func computeBatch(_ a: Dimension, _ b: Dimension) throws -> Dimension {
    let (left, right) = (a.perImage, b.perImage)
    switch (node.type, a, b) {
    case ("Add", .batched, .fixed(0)), ("Sub", .batched, .fixed(0)): return a
    case ("Add", .fixed(0), .batched): return b
    case ("Add", .batched, .batched) where left < Int.max / 2 && right < Int.max / 2:
      return .batched(left + right)
    case ("Sub", .batched, .batched) where left == right: return .fixed(0)
    case ("Mul", .batched, .fixed), ("Mul", .fixed, .batched):
      let (product, overflow) = left.multipliedReportingOverflow(by: right)
      if !overflow, product > 0 { return .batched(product) }
    case ("Div", .batched, .fixed) where right > 0 && left % right == 0:
      return .batched(left / right)
    case ("Div", .batched, .batched) where left % right == 0: return .fixed(left / right)
    default: break
    }
    throw node.failure(
      .unsupported,
      "it computes \(node.type) of \(a) and \(b), where N is the batch; only multiples of the "
        + "batch are followed")
  }

  private func whole(_ value: ConstantValue) throws -> [Dimension] {
    guard let dimensions = value.dimensions else {
      throw node.failure(.invalidGraph, "its input must hold truth values")
    }
    return dimensions
  }

  /// `Where(condition, a, b)`.
  func selected() throws -> ConstantValue {
    guard let a = input(1), let b = input(2) else {
      throw node.failure(.invalidGraph, "it needs three inputs")
    }
    let shape = try broadcast(broadcast(first.shape, a.shape), b.shape)
    func spread(_ value: ConstantValue) -> ConstantValue {
      value.rearranged(.broadcasting(value.shape, to: shape))
    }
    let condition = try whole(spread(first)).map { $0 != .fixed(0) }
    switch (spread(a).elements, spread(b).elements) {
    case (.floats(let a), .floats(let b)):
      return ConstantValue(
        shape: shape, floats: condition.indices.map { condition[$0] ? a[$0] : b[$0] })
    case (.integers(let a), .integers(let b)):
      return ConstantValue(
        shape: shape, integers: condition.indices.map { condition[$0] ? a[$0] : b[$0] })
    default: throw node.failure(.invalidGraph, "its inputs are integers and floats")
    }
  }
}
