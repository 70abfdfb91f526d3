import NetworkGraph

/// Values made from numbers, and joined, at import.
extension Evaluation {
  func filled() throws -> ConstantValue {
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

  func range() throws -> ConstantValue {
    guard let start = try required(0, "start").first, let limit = try required(1, "limit").first,
      let delta = try required(2, "delta").first, delta != 0
    else { throw node.failure(.invalidGraph, "its delta must be a number, and not 0") }
    let (distance, overflow) = limit.subtractingReportingOverflow(start)
    guard !overflow, distance.magnitude / delta.magnitude < ConstantValue.maximumCount else {
      throw node.failure(.invalidGraph, "its range \(start)..<\(limit) is too long")
    }
    return ConstantValue(stride(from: start, to: limit, by: delta).map(Dimension.fixed))
  }

  func concatenation() throws -> ConstantValue {
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
