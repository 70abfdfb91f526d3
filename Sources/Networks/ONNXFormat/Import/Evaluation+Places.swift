import NetworkGraph
import ONNXSchema

/// Elements that move to other places, at import.
extension Evaluation {
  func gathered() throws -> ConstantValue {
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

  func sliced() throws -> ConstantValue {
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

  func transposed() throws -> ConstantValue {
    let axes = Array(first.shape.indices)
    let permutation = try node.integers("perm") ?? axes.reversed()
    guard permutation.sorted() == axes else {
      throw node.failure(.invalidGraph, "attribute perm \(permutation) does not permute \(axes)")
    }
    return first.rearranged(.transposing(first.shape, by: permutation))
  }

  func reshaped() throws -> ConstantValue {
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

  func unsqueezed() throws -> ConstantValue {
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

  func squeezed() throws -> ConstantValue {
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

  func flattened() throws -> ConstantValue {
    let rank = first.shape.count
    let given = try node.integer("axis", default: 1)
    let axis = given == rank ? given : try node.resolvedAxis(given, rank: rank)
    return first.reshaped([first.shape[..<axis].reduce(1, *), first.shape[axis...].reduce(1, *)])
  }

  /// Nil where the shape holds the batch: then the network has to repeat it.
  func expanded() throws -> ConstantValue? {
    guard let target = input(1)?.integers else { return nil }
    return try repeated(to: broadcast(first.shape, target))
  }

  func tiled() throws -> ConstantValue? {
    guard let repeats = input(1)?.integers else { return nil }
    guard repeats.count == first.shape.count else {
      throw node.failure(.invalidGraph, "its repeats \(repeats) do not fit \(first.shape)")
    }
    try count(of: zip(first.shape, repeats).map { $0.multipliedReportingOverflow(by: $1).0 })
    return zip(repeats, repeats.indices).reduce(first) { value, entry in
      let indices = (0..<entry.0).flatMap { _ in 0..<value.shape[entry.1] }
      return value.rearranged(.taking(indices, axis: entry.1, of: value.shape))
    }
  }

  func split() throws -> [ConstantValue] {
    let axis = try node.resolvedAxis(
      node.integer("axis", default: 0), rank: first.shape.count)
    let extent = first.shape[axis]
    let lengths =
      try (node.opset < 13 ? node.integers("split") : integers(1, "split"))
      ?? node.equalParts(of: extent, count: node.proto.output.count)
    guard lengths.allSatisfy({ (0...extent).contains($0) }), lengths.reduce(0, +) == extent else {
      throw node.failure(.invalidGraph, "parts of \(lengths) do not make up \(first.shape)")
    }
    var start = 0
    return lengths.map { length in
      defer { start += length }
      return first.rearranged(
        .taking(Array(start..<start + length), axis: axis, of: first.shape))
    }
  }

  /// The shape of a and b together.
  func broadcast(_ a: [Int], _ b: [Int]) throws -> [Int] {
    let rank = max(a.count, b.count)
    func padded(_ shape: [Int]) -> [Int] {
      Array(repeating: 1, count: rank - shape.count) + shape
    }
    let shape = try zip(padded(a), padded(b)).map { left, right in
      guard left == right || left == 1 || right == 1 else {
        throw node.failure(.invalidGraph, "shapes \(a) and \(b) do not broadcast")
      }
      return left == 1 ? right : left
    }
    try count(of: shape)
    return shape
  }

  private func repeated(to shape: [Int]) -> ConstantValue {
    first.rearranged(.broadcasting(first.shape, to: shape))
  }
}
