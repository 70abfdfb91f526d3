import NetworkGraph

/// Operators that move elements, and products with matrices.
extension Importer {
  func flatten(_ node: NodeReader) throws -> Translation {
    let x = try activation(node)
    let given = try node.integer("axis", default: 1)
    // Flatten may name the end of the shape, where nothing is left to join.
    let axis = given == x.shape.rank ? given : try node.resolvedAxis(given, rank: x.shape.rank)
    guard axis > 0, x.shape.dimensions[1..<axis].allSatisfy({ $0 == .fixed(1) }) else {
      throw node.failure(
        .unsupported, "its axis \(given) joins images of x \(x.shape); only axis 1 keeps them apart"
      )
    }
    return .node(.flatten(Flatten()), [x.id])
  }

  func reshape(_ node: NodeReader) throws -> Translation {
    let x = try activation(node)
    guard let constant = try constant(node, 1, "shape"), let target = constant.dimensions else {
      throw node.failure(.invalidGraph, "its shape must be integers")
    }
    let copiesZeros = try !node.flag("allowzero", default: false)
    let resolved = try resolve(target, of: x.shape, copiesZeros: copiesZeros, node)
    return .node(.reshape(Reshape(target: resolved)), [x.id])
  }

  /// Resolves 0 (the input's extent), −1 (what is left) and a batch written as a number.
  private func resolve(
    _ target: [Dimension], of x: Shape, copiesZeros: Bool, _ node: NodeReader
  ) throws -> Shape {
    var target = target
    for axis in target.indices where target[axis] == .fixed(0) && copiesZeros {
      guard axis < x.rank else {
        throw node.failure(.invalidGraph, "its shape copies axis \(axis), which x \(x) lacks")
      }
      target[axis] = x[axis]
    }
    if let size = draft.metadata.batchSize, target.first == .fixed(size) { target[0] = .batch }
    let failure = node.failure(
      .unsupported,
      "x \(x) cannot take the shape \(Shape(target)): axis 0 must stay the batch")
    let unknown = target.indices.filter { target[$0] == .fixed(-1) }
    let known = target.compactMap(\.extent).filter { $0 != -1 }
    guard unknown.count <= 1, let product = ConstantValue.count(of: known), product > 0 else {
      throw failure
    }
    if let axis = unknown.first {
      if target.contains(.batch) {
        guard x.elementsPerImage % product == 0 else { throw failure }
        target[axis] = .fixed(x.elementsPerImage / product)
      } else {
        guard x.elementsPerImage == product else { throw failure }
        target[axis] = .batch
      }
    }
    guard target.first == .batch, Shape(target).elementsPerImage == x.elementsPerImage else {
      throw failure
    }
    return Shape(target)
  }

  func slice(_ node: NodeReader) throws -> Translation {
    let x = try activation(node)
    guard let starts = try integers(node, attribute: "starts", input: 1, since: 10),
      let ends = try integers(node, attribute: "ends", input: 2, since: 10)
    else { throw node.failure(.invalidGraph, "its starts or ends are missing") }
    let axes =
      try integers(node, attribute: "axes", input: 3, since: 10) ?? Array(starts.indices)
    let steps =
      try node.opset < 10
      ? nil : integers(node, attribute: "steps", input: 4, since: 10)
    let slices = try SliceArguments(
      starts: starts, ends: ends, axes: axes, steps: steps, rank: x.shape.rank, node: node)
    var ranges: [Slice.Range] = []
    for slice in slices.entries {
      guard slice.step > 0 else {
        throw node.failure(.unsupported, "its step \(slice.step) on axis \(slice.axis) reverses x")
      }
      guard let extent = x.shape[slice.axis].extent else {
        guard slice.start == 0, slice.end >= Int(Int32.max), slice.step == 1 else {
          throw node.failure(.unsupported, "it slices the batch; images must stay together")
        }
        continue
      }
      let range = slice.resolved(extent: extent)
      guard range.start < range.end else {
        throw node.failure(.invalidGraph, "it leaves nothing of axis \(slice.axis) of x \(x.shape)")
      }
      ranges.append(
        Slice.Range(axis: slice.axis, start: range.start, end: range.end, step: slice.step))
    }
    return ranges.isEmpty ? .identity : .node(.slice(Slice(ranges: ranges)), [x.id])
  }

  func pad(_ node: NodeReader) throws -> Translation {
    let x = try activation(node)
    let mode = try node.text("mode", default: "constant")
    guard mode == "constant" else {
      throw node.failure(.unsupported, "its mode \"\(mode)\" must be \"constant\"")
    }
    guard let pads = try integers(node, attribute: "pads", input: 1, since: 11) else {
      throw node.failure(.invalidGraph, "its pads are missing")
    }
    let rank = x.shape.rank
    let axes =
      try (node.opset < 18 ? nil : integers(node, attribute: "axes", input: 3, since: 18))?
      .map { try node.resolvedAxis($0, rank: rank) } ?? Array(0..<rank)
    guard pads.count == 2 * axes.count, Set(axes).count == axes.count,
      pads.allSatisfy({ (0...NodeReader.maximumAttribute).contains($0) })
    else {
      throw node.failure(
        .unsupported, "its pads \(pads) must be two for each of axes \(axes), and not negative")
    }
    let fill = try number(node, attribute: "value", input: 2, since: 11, default: 0)
    var pad = Pad(
      before: Array(repeating: 0, count: rank), after: Array(repeating: 0, count: rank),
      mode: .constant(fill))
    for (place, axis) in axes.enumerated() {
      pad.before[axis] = pads[place]
      pad.after[axis] = pads[axes.count + place]
    }
    guard pad.before[0] == 0, pad.after[0] == 0, fill.isFinite else {
      throw node.failure(.unsupported, "it pads the batch, or with a number that is not finite")
    }
    return .node(.pad(pad), [x.id])
  }

  mutating func gemm(_ node: NodeReader) throws -> Translation {
    let x = try activation(node)
    guard try node.integer("transA", default: 0) == 0 else {
      throw node.failure(.unsupported, "attribute transA must be 0: the batch is axis 0")
    }
    let transposes = try node.flag("transB", default: false)
    let weight = try requiredWeight(node, 1, "weight")
    try checkMatrix(weight.shape, inputAxis: transposes ? 1 : 0, x.shape, node)
    let outputs = weight.shape[transposes ? 0 : 1]
    let bias = try self.weight(node, 2, "bias", fitting: [outputs])
    let alpha = try node.number("alpha", default: 1)
    let beta = bias == nil ? 1 : try node.number("beta", default: 1)
    guard alpha.isFinite, beta.isFinite else {
      throw node.failure(.invalidGraph, "attributes alpha and beta must be finite")
    }
    return .node(
      .gemm(Gemm(alpha: alpha, beta: beta, transposesWeight: transposes)),
      [x.id, weight.id, bias?.id])
  }

  mutating func matrixProduct(_ node: NodeReader) throws -> Translation {
    let x = try activation(node)
    let weight = try requiredWeight(node, 1, "weight")
    try checkMatrix(weight.shape, inputAxis: 0, x.shape, node)
    return .node(.gemm(Gemm(transposesWeight: false)), [x.id, weight.id, nil])
  }

  private func checkMatrix(
    _ weight: [Int], inputAxis: Int, _ x: Shape, _ node: NodeReader
  ) throws {
    guard x.rank == 2, weight.count == 2, .fixed(weight[inputAxis]) == x[1] else {
      throw node.failure(
        .invalidTensor, "its weight of shape \(weight) does not fit x \(x), which must be [N, K]")
    }
  }
}
