import NetworkGraph
import ONNXSchema

/// One node computed from constants.
struct Evaluation {
  let node: NodeReader
  /// Nil where an optional input is left out.
  let inputs: [ConstantValue?]
  let first: ConstantValue
  let tensors: TensorReader

  /// The value; nil where the operator is none of those evaluated at import.
  func result() throws -> ConstantValue? {
    switch node.type {
    case "Add", "Sub", "Mul", "Div": return try arithmetic()
    case "Cast": return try cast()
    case "Concat": return try concatenation()
    case "ConstantOfShape": return try filled()
    case "Gather": return try gathered()
    case "Range": return try range()
    case "Reshape": return try reshaped()
    case "Slice": return try sliced()
    case "Squeeze": return try squeezed()
    case "Transpose": return try transposed()
    case "Unsqueeze": return try unsqueezed()
    default: return nil
    }
  }

  private func input(_ index: Int) -> ConstantValue? {
    inputs.indices.contains(index) ? inputs[index] : nil
  }

  /// Integers from an input; nil where it is left out.
  private func integers(_ index: Int, _ role: String) throws -> [Int]? {
    guard let value = input(index) else { return nil }
    guard let integers = value.integers else {
      throw node.failure(
        .unsupported, "its \(role) must be integers that do not depend on the batch")
    }
    return integers
  }

  private func required(_ index: Int, _ role: String) throws -> [Int] {
    guard let integers = try integers(index, role) else {
      throw node.failure(.invalidGraph, "its \(role) is missing")
    }
    return integers
  }

  /// The number of elements of a result, once it is known to fit in memory.
  @discardableResult
  private func count(of shape: [Int]) throws -> Int {
    guard let count = ConstantValue.count(of: shape) else {
      throw node.failure(
        .invalidGraph, "its result of shape \(shape) makes no sense, or is too large")
    }
    return count
  }

  private func gathered() throws -> ConstantValue {
    let axis = try node.resolvedAxis(
      node.integer("axis", default: 0), rank: first.shape.count)
    let indices = try required(1, "indices")
    let extent = first.shape[axis]
    guard indices.allSatisfy({ $0 >= -extent && $0 < extent }) else {
      throw node.failure(.invalidGraph, "its indices \(indices) lie outside axis \(axis)")
    }
    let shape = input(1)?.shape ?? []
    try count(of: first.shape[..<axis] + shape + first.shape[(axis + 1)...])
    return first.rearranged(
      .taking(
        indices.map { $0 < 0 ? $0 + extent : $0 }, axis: axis, of: first.shape, replacing: shape))
  }

  private func sliced() throws -> ConstantValue {
    let old = node.opset < 10
    guard let starts = try old ? node.integers("starts") : integers(1, "starts"),
      let ends = try old ? node.integers("ends") : integers(2, "ends")
    else { throw node.failure(.invalidGraph, "its starts or ends are missing") }
    let axes = try old ? node.integers("axes") : integers(3, "axes")
    let slices = try SliceArguments(
      starts: starts, ends: ends, axes: axes ?? Array(starts.indices),
      steps: old ? nil : integers(4, "steps"), rank: first.shape.count, node: node)
    return slices.entries.reduce(first) { value, slice in
      value.rearranged(
        .taking(
          slice.indices(extent: value.shape[slice.axis]), axis: slice.axis, of: value.shape))
    }
  }

  private func transposed() throws -> ConstantValue {
    let axes = Array(first.shape.indices)
    let permutation = try node.integers("perm") ?? axes.reversed()
    guard permutation.sorted() == axes else {
      throw node.failure(.invalidGraph, "attribute perm \(permutation) does not permute \(axes)")
    }
    return first.rearranged(.transposing(first.shape, by: permutation))
  }

  private func reshaped() throws -> ConstantValue {
    var shape = try required(1, "shape")
    if try !node.flag("allowzero", default: false) {
      for axis in shape.indices where shape[axis] == 0 && axis < first.shape.count {
        shape[axis] = first.shape[axis]
      }
    }
    if let unknown = shape.firstIndex(of: -1) {
      shape[unknown] = 1
      let known = try count(of: shape)
      guard known > 0 else { throw node.failure(.invalidGraph, "its shape has no solution") }
      shape[unknown] = first.count / known
    }
    guard try count(of: shape) == first.count else {
      throw node.failure(
        .invalidGraph, "\(first.count) elements do not fill its shape \(shape)")
    }
    return first.reshaped(shape)
  }

  private func unsqueezed() throws -> ConstantValue {
    let axes = try (node.opset < 13 ? node.integers("axes") : integers(1, "axes")) ?? []
    let rank = first.shape.count + axes.count
    let resolved = Set(try axes.map { try node.resolvedAxis($0, rank: rank) })
    guard resolved.count == axes.count else {
      throw node.failure(.invalidGraph, "its axes \(axes) repeat")
    }
    var rest = first.shape[...]
    return first.reshaped(
      (0..<rank).map { resolved.contains($0) ? 1 : rest.popFirst() ?? 1 })
  }

  private func squeezed() throws -> ConstantValue {
    let shape = first.shape
    let axes = try node.opset < 13 ? node.integers("axes") : integers(1, "axes")
    let resolved = Set(
      try axes?.map { try node.resolvedAxis($0, rank: shape.count) }
        ?? shape.indices.filter { shape[$0] == 1 })
    guard resolved.allSatisfy({ shape[$0] == 1 }) else {
      throw node.failure(.invalidGraph, "its axes \(resolved.sorted()) are not all 1 in \(shape)")
    }
    return first.reshaped(shape.indices.filter { !resolved.contains($0) }.map { shape[$0] })
  }

  private func filled() throws -> ConstantValue {
    let shape = try required(0, "shape")
    let count = try count(of: shape)
    guard let value = try node.tensor("value").map(tensors.read) else {
      return ConstantValue(shape: shape, floats: Array(repeating: 0, count: count))
    }
    guard value.count == 1 else {
      throw node.failure(.invalidGraph, "attribute value must hold one number")
    }
    return value.reshaped([1]).rearranged(
      ElementMap(shape: shape, sources: Array(repeating: 0, count: count)))
  }

  private func range() throws -> ConstantValue {
    guard let start = try required(0, "start").first, let limit = try required(1, "limit").first,
      let delta = try required(2, "delta").first, delta != 0
    else { throw node.failure(.invalidGraph, "its delta must be a number, and not 0") }
    let (distance, overflow) = limit.subtractingReportingOverflow(start)
    guard !overflow, distance.magnitude / delta.magnitude < ConstantValue.maximumCount else {
      throw node.failure(.invalidGraph, "its range \(start)..<\(limit) is too long")
    }
    return ConstantValue(stride(from: start, to: limit, by: delta).map(Dimension.fixed))
  }

  private func concatenation() throws -> ConstantValue {
    let parts = inputs.compactMap { $0 }
    let rank = first.shape.count
    let axis = try node.resolvedAxis(node.integer("axis", default: 0), rank: rank)
    var shape = first.shape
    shape[axis] = try parts.reduce(0) { sum, part in
      var expected = first.shape
      if part.shape.count == rank { expected[axis] = part.shape[axis] }
      guard part.shape == expected else {
        throw node.failure(.invalidGraph, "shapes \(parts.map(\.shape)) do not concatenate")
      }
      return sum + part.shape[axis]
    }
    try count(of: shape)
    var offset = 0
    let blocks = parts.map { part in
      defer { offset += part.count }
      return (start: offset, length: part.shape[axis...].reduce(1, *))
    }
    let sources = (0..<shape[..<axis].reduce(1, *)).flatMap { outer in
      blocks.flatMap { block in
        let start = block.start + outer * block.length
        return start..<start + block.length
      }
    }
    return try joined(parts).rearranged(ElementMap(shape: shape, sources: sources))
  }

  private func joined(_ parts: [ConstantValue]) throws -> ConstantValue {
    let count = parts.reduce(0) { $0 + $1.count }
    let floats = parts.compactMap(\.floats)
    if floats.count == parts.count {
      return ConstantValue(shape: [count], floats: floats.flatMap { $0 })
    }
    let integers = parts.compactMap(\.dimensions)
    guard integers.count == parts.count else {
      throw node.failure(.invalidGraph, "it joins integers and floats")
    }
    return ConstantValue(integers.flatMap { $0 })
  }
}
