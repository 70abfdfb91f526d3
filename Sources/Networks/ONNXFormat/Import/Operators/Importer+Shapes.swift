import NetworkGraph
import Tensors

extension OperatorReader {
  /// Operators that give the same elements another shape or order, or repeat them.
  static let shapes: [String: OperatorReader] = [
    "Flatten": .init(["axis"]) { importer, node in
      let x = try importer.activation(node)
      let given = try node.integer("axis", default: 1)
      // Flatten may name the end of the shape, where nothing is left to join.
      let axis = given == x.shape.rank ? given : try node.resolvedAxis(given, rank: x.shape.rank)
      return .activation(try importer.add(.flatten(Flatten(axis: axis)), [x.id], for: node))
    },
    "Reshape": .init(["allowzero"]) { try $0.reshape($1) },
    "Transpose": .init(["perm"]) { importer, node in
      let x = try importer.activation(node)
      let permutation = try node.integers("perm") ?? Array(0..<x.shape.rank).reversed()
      return .activation(
        try importer.add(
          .transpose(Transpose(permutation: permutation)), [x.id], for: node))
    },
    "Squeeze": .init(["axes"]) { try $0.squeeze($1) },
    "Unsqueeze": .init(["axes"]) { try $0.unsqueeze($1) },
    "Expand": .init { try $0.expand($1) },
    "Tile": .init { try $0.tile($1) },
    "ConstantOfShape": .init(["value"]) { try $0.constantOfShape($1) },
    "DepthToSpace": .init(["blocksize", "mode"]) { importer, node in
      let mode = try node.text("mode", default: "DCR")
      guard mode == "DCR" || mode == "CRD" else {
        throw node.failure(.invalidGraph, "attribute mode is \"\(mode)\"; it must be DCR or CRD")
      }
      let operation = DepthToSpace(
        size: try node.amount("blocksize"), placesAreFast: mode == "CRD")
      let x = try importer.activation(node)
      return .activation(try importer.add(.depthToSpace(operation), [x.id], for: node))
    },
    "SpaceToDepth": .init(["blocksize", "mode"]) { importer, node in
      guard try node.text("mode", default: "DCR") == "DCR" else {
        throw node.failure(.unsupported, "only mode DCR is supported; add a Transpose instead")
      }
      let operation = SpaceToDepth(size: try node.amount("blocksize"))
      let x = try importer.activation(node)
      return .activation(try importer.add(.spaceToDepth(operation), [x.id], for: node))
    },
    "Resize": .init(ResizeArguments.attributes) { try $0.resize($1) },
    "Upsample": .init(["mode"]) { try $0.resize($1) },
  ]
}

extension Importer {
  fileprivate mutating func reshape(_ node: NodeReader) throws -> Symbol {
    let x = try activation(node)
    guard let target = try constant(node, 1, "shape")?.dimensions else {
      throw node.failure(.invalidGraph, "its shape must be integers")
    }
    let resolver = TargetShape(x: x.shape, batchSize: draft.metadata.batchSize, node: node)
    let resolved = try resolver.resolve(
      target, copiesZeros: !node.flag("allowzero", default: false))
    return .activation(try add(.reshape(Reshape(target: resolved)), [x.id], for: node))
  }

  fileprivate mutating func squeeze(_ node: NodeReader) throws -> Symbol {
    let x = try activation(node)
    let axes = try integers(node, attribute: "axes", input: 1, since: 13)
    let resolved = Set(
      try axes?.map { try node.resolvedAxis($0, rank: x.shape.rank) }
        ?? (0..<x.shape.rank).filter { x.shape[$0] == .fixed(1) })
    guard resolved.allSatisfy({ x.shape[$0] == .fixed(1) }) else {
      throw node.failure(
        .invalidGraph, "its axes \(resolved.sorted()) are not all 1 in x \(x.shape)")
    }
    guard axes != nil || draft.metadata.batchSize != 1 else {
      throw node.failure(
        .unsupported, "it drops every axis of extent 1, the batch too; name its axes")
    }
    let target = (0..<x.shape.rank).filter { !resolved.contains($0) }.map { x.shape[$0] }
    return .activation(
      try add(.reshape(Reshape(target: Shape(target))), [x.id], for: node))
  }

  fileprivate mutating func unsqueeze(_ node: NodeReader) throws -> Symbol {
    let x = try activation(node)
    guard let axes = try integers(node, attribute: "axes", input: 1, since: 13),
      axes.count <= NodeReader.maximumRank
    else { throw node.failure(.invalidGraph, "its axes are missing, or too many") }
    let rank = x.shape.rank + axes.count
    let resolved = Set(try axes.map { try node.resolvedAxis($0, rank: rank) })
    guard resolved.count == axes.count else {
      throw node.failure(.invalidGraph, "its axes \(axes) repeat")
    }
    var rest = x.shape.dimensions[...]
    let target = (0..<rank).map { resolved.contains($0) ? .fixed(1) : rest.popFirst() ?? .fixed(1) }
    return .activation(
      try add(.reshape(Reshape(target: Shape(target))), [x.id], for: node))
  }

  fileprivate mutating func expand(_ node: NodeReader) throws -> Symbol {
    let x = try operand(node, 0, "x")
    guard var target = try constant(node, 1, "shape")?.dimensions else {
      throw node.failure(.invalidGraph, "its shape must be integers")
    }
    // The number of images of a file with a fixed batch.
    for place in target.indices {
      let axis = place - target.count + x.shape.rank
      guard axis >= 0, x.shape[axis].isBatch, let size = draft.metadata.batchSize,
        target[place] == .fixed(x.shape[axis].resolved(batch: size))
      else { continue }
      target[place] = x.shape[axis]
    }
    return try repeated(x.id, to: Shape(target), node)
  }

  /// Only of axes of extent 1, which it repeats as Expand does.
  fileprivate mutating func tile(_ node: NodeReader) throws -> Symbol {
    let x = try operand(node, 0, "x")
    guard let repeats = try constant(node, 1, "repeats")?.dimensions,
      repeats.count == x.shape.rank
    else {
      throw node.failure(.invalidGraph, "its repeats must be one for each axis of \(x.shape)")
    }
    let target = try zip(x.shape.dimensions, repeats).map { dimension, count in
      if count == .fixed(1) { return dimension }
      guard dimension == .fixed(1) else {
        throw node.failure(
          .unsupported, "it repeats an axis of x \(x.shape) that is not 1; use Concat instead")
      }
      return count
    }
    return try repeated(x.id, to: Shape(target), node)
  }

  /// Reached only where the shape holds the batch; others are computed at import.
  fileprivate mutating func constantOfShape(_ node: NodeReader) throws -> Symbol {
    guard let target = try constant(node, 0, "shape")?.dimensions else {
      throw node.failure(.invalidGraph, "its shape must be integers")
    }
    let value = try node.tensor("value").map(tensors.read)
    guard value.map({ $0.count == 1 && $0.floats != nil }) ?? true else {
      throw node.failure(.unsupported, "its value must be one float")
    }
    let filling = addConstant(value?.floats?.first ?? 0, node, "value")
    return try repeated(filling, to: Shape(target), node)
  }

  private mutating func repeated(
    _ x: ValueID, to target: Shape, _ node: NodeReader
  ) throws -> Symbol {
    let shape = draft[x].shape
    let whole: Shape
    do {
      whole = try Operator.elementwise(.add).outputShape(of: [shape, target], node: node.name)
    } catch {
      throw node.failure(.invalidGraph, "x \(shape) does not broadcast to \(target)")
    }
    guard whole != shape else { return .activation(x) }
    guard whole.rank <= NodeReader.maximumRank else {
      throw node.failure(.invalidGraph, "its shape has \(whole.rank) axes")
    }
    return .activation(try add(.expand(Expand(target: whole)), [x], for: node))
  }
}

/// The target of a reshape, resolved against its input.
private struct TargetShape {
  let x: Shape
  let batchSize: Int?
  let node: NodeReader

  /// Resolves 0 (the input's extent), −1 (what is left) and a batch written as a number.
  func resolve(_ given: [Dimension], copiesZeros: Bool) throws -> Shape {
    var target = given
    for axis in target.indices where target[axis] == .fixed(0) && copiesZeros {
      guard axis < x.rank else {
        throw node.failure(.invalidGraph, "its shape copies axis \(axis), which x \(x) lacks")
      }
      target[axis] = x[axis]
    }
    guard target.count(where: { $0 == .fixed(-1) }) <= 1,
      target.count <= NodeReader.maximumRank
    else {
      throw node.failure(
        .invalidGraph, "its shape of \(given.count) axes is too long, or leaves two extents open")
    }
    if target.contains(where: \.isBatch) || x.batchAxis == nil {
      if let shape = completed(target) { return shape }
    } else {
      // The first place from the left at which the batch may stand, alone if it can.
      for isAlone in [true, false] {
        for axis in target.indices {
          var candidate = target
          candidate[axis] = isAlone ? .batch : .batched(places(target, axis))
          guard
            target[axis] == .fixed(-1)
              || target[axis] == .fixed(candidate[axis].resolved(batch: batchSize ?? -1))
          else { continue }
          if let shape = completed(candidate) { return shape }
        }
      }
    }
    throw node.failure(
      .unsupported,
      "x \(x) cannot take the shape \(Shape(given)) without mixing images; they must stay apart")
  }

  /// How many places an image has along an axis, given the other axes.
  private func places(_ target: [Dimension], _ axis: Int) -> Int {
    let others = target.enumerated().compactMap { $0 == axis ? nil : $1.extent }
    return x.elementsPerImage / max(ConstantValue.count(of: others) ?? 1, 1)
  }

  /// The target with −1 computed, where x can take it.
  private func completed(_ target: [Dimension]) -> Shape? {
    var target = target
    let known = target.map(\.perImage).filter { $0 != -1 }
    guard let product = ConstantValue.count(of: known), product > 0 else { return nil }
    if let axis = target.firstIndex(of: .fixed(-1)) {
      guard x.elementsPerImage % product == 0 else { return nil }
      target[axis] = .fixed(x.elementsPerImage / product)
    }
    let shape = Shape(target)
    let operation = Operator.reshape(Reshape(target: shape))
    return (try? operation.outputShape(of: [x], node: node.name)) == nil ? nil : shape
  }
}
