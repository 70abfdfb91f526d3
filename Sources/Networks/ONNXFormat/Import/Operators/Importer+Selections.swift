import NetworkGraph
import ONNXSchema

extension OperatorReader {
  /// Operators that take parts of a value, or put values side by side.
  static let selections: [String: OperatorReader] = [
    "Concat": .init(["axis"]) { try $0.concat($1) },
    "Split": .init(["axis", "num_outputs", "split"], outputs: { try $0.split($1) }),
    "Slice": .init(["axes", "ends", "starts"]) { try $0.slice($1) },
    "Gather": .init(["axis"]) { try $0.gather($1) },
    "Pad": .init(["mode", "pads", "value"]) { try $0.pad($1) },
  ]
}

extension Importer {
  fileprivate mutating func concat(_ node: NodeReader) throws -> Symbol {
    var operands = try node.proto.input.indices.map { try operand(node, $0, "operand") }
    guard let first = operands.first(where: { draft.constant($0.id) == nil }) ?? operands.first,
      node.has("axis")
    else { throw node.failure(.invalidGraph, "it needs inputs and attribute axis") }
    let rank = first.shape.rank
    let axis = try node.resolvedAxis(node.integer("axis", default: 0), rank: rank)
    // A file with a fixed batch may join a constant of that many images.
    if let batch = first.shape.batchAxis, batch != axis {
      for place in operands.indices where draft.constant(operands[place].id) != nil {
        var target = operands[place].shape
        guard target.rank == rank, let size = draft.metadata.batchSize, size == 1,
          target[batch] == .fixed(first.shape[batch].resolved(batch: size))
        else { continue }
        target[batch] = first.shape[batch]
        operands[place].id = try add(
          .expand(Expand(target: target)), [operands[place].id], for: node)
      }
    }
    guard operands.count > 1 else { return .activation(first.id) }
    return .activation(try add(.concat(Concat(axis: axis)), operands.map(\.id), for: node))
  }

  /// One slice per part.
  fileprivate mutating func split(_ node: NodeReader) throws -> [Symbol] {
    let x = try activation(node)
    let axis = try node.resolvedAxis(node.integer("axis", default: 0), rank: x.shape.rank)
    guard let extent = x.shape[axis].extent else {
      throw node.failure(.unsupported, "it splits the batch; images must stay together")
    }
    let parts = node.proto.output.count
    let lengths =
      try integers(node, attribute: "split", input: 1, since: 13)
      ?? node.equalParts(of: extent, count: parts)
    guard lengths.count == parts, lengths.allSatisfy({ (1...extent).contains($0) }),
      lengths.reduce(0, +) == extent
    else {
      throw node.failure(
        .invalidGraph, "parts of \(lengths) do not make up axis \(axis) of x \(x.shape)")
    }
    guard parts > 1 else { return [.activation(x.id)] }
    var start = 0
    return try lengths.map { length in
      defer { start += length }
      let range = Slice.Range(axis: axis, start: start, end: start + length)
      return .activation(try add(.slice(Slice(ranges: [range])), [x.id], for: node))
    }
  }

  /// Ranges in positive steps are a slice; each axis that is walked backwards is a gather.
  fileprivate mutating func slice(_ node: NodeReader) throws -> Symbol {
    let x = try activation(node)
    var result = x.id
    var ranges: [Slice.Range] = []
    for slice in try sliceArguments(node, of: x.shape) {
      guard let extent = x.shape[slice.axis].extent else {
        guard slice.start == 0, slice.end >= draft.metadata.batchSize ?? Int(Int32.max),
          slice.step == 1
        else {
          throw node.failure(.unsupported, "it slices the batch; images must stay together")
        }
        continue
      }
      let indices = slice.indices(extent: extent)
      guard let start = indices.first, let last = indices.last else {
        throw node.failure(.invalidGraph, "it leaves nothing of axis \(slice.axis) of x \(x.shape)")
      }
      if slice.step < 0 {
        result = try add(
          .gather(Gather(axis: slice.axis, indices: indices)), [result], for: node)
      } else if indices.count < extent {
        let end = slice.step == 1 ? last + 1 : slice.resolved(extent: extent).end
        ranges.append(
          Slice.Range(axis: slice.axis, start: start, end: end, step: min(slice.step, extent)))
      }
    }
    guard !ranges.isEmpty else { return .activation(result) }
    return .activation(try add(.slice(Slice(ranges: ranges)), [result], for: node))
  }

  private func sliceArguments(
    _ node: NodeReader, of x: Shape
  ) throws -> [SliceArguments.Entry] {
    guard node.opset >= 10 else {
      guard let starts = try node.integers("starts"), let ends = try node.integers("ends") else {
        throw node.failure(.invalidGraph, "its starts or ends are missing")
      }
      let axes = try node.integers("axes") ?? Array(starts.indices)
      return try SliceArguments(
        starts: starts, ends: ends, axes: axes, steps: nil, rank: x.rank, node: node
      ).entries
    }
    guard let starts = try integers(node, attribute: "starts", input: 1, since: 10),
      let ends = try constant(node, 2, "ends")?.dimensions
    else { throw node.failure(.invalidGraph, "its starts or ends are missing") }
    let axes = try integers(node, attribute: "axes", input: 3, since: 10)
    let steps = try integers(node, attribute: "steps", input: 4, since: 10)
    // The batch's size, as the end of the batch, means all of it.
    return try SliceArguments(
      starts: starts, ends: ends.map { $0.extent ?? .max }, axes: axes ?? Array(starts.indices),
      steps: steps, rank: x.rank, node: node
    ).entries.map { entry in
      guard entry.end == .max, let batch = ends.first(where: \.isBatch), x[entry.axis] != batch
      else { return entry }
      throw node.failure(.unsupported, "the batch's size limits axis \(entry.axis) of x \(x)")
    }
  }

  /// Indices of any shape are gathered as a list, and take their shape afterwards.
  fileprivate mutating func gather(_ node: NodeReader) throws -> Symbol {
    if case .constant? = symbol(node, 0) {
      throw node.failure(
        .unsupported,
        "it looks up a table by an activation, which only embeddings do; cut the model after it")
    }
    let x = try activation(node)
    let axis = try node.resolvedAxis(node.integer("axis", default: 0), rank: x.shape.rank)
    guard let value = try constant(node, 1, "indices"), let indices = value.integers else {
      throw node.failure(.invalidGraph, "its indices must be whole numbers, and fixed")
    }
    guard let extent = x.shape[axis].extent else {
      throw node.failure(.unsupported, "it picks images of the batch; they must stay together")
    }
    guard indices.allSatisfy({ $0 >= -extent && $0 < extent }) else {
      throw node.failure(.invalidGraph, "its indices lie outside axis \(axis) of x \(x.shape)")
    }
    let gather = Gather(axis: axis, indices: indices.map { $0 < 0 ? $0 + extent : $0 })
    let rows = try add(.gather(gather), [x.id], for: node)
    guard value.shape.count != 1 else { return .activation(rows) }
    var target = x.shape
    target.dimensions.replaceSubrange(axis...axis, with: value.shape.map(Dimension.fixed))
    return .activation(try add(.reshape(Reshape(target: target)), [rows], for: node))
  }

  /// Negative pads cut: they are a slice before the others.
  fileprivate mutating func pad(_ node: NodeReader) throws -> Symbol {
    let x = try activation(node)
    let mode = try padMode(node)
    guard let pads = try integers(node, attribute: "pads", input: 1, since: 11) else {
      throw node.failure(.invalidGraph, "its pads are missing")
    }
    let rank = x.shape.rank
    let axes =
      try (node.opset < 18 ? nil : integers(node, attribute: "axes", input: 3, since: 18))?
      .map { try node.resolvedAxis($0, rank: rank) } ?? Array(0..<rank)
    guard pads.count == 2 * axes.count, Set(axes).count == axes.count,
      pads.allSatisfy({ $0.magnitude <= NodeReader.maximumAttribute })
    else {
      throw node.failure(
        .invalidGraph, "its pads \(pads) must be two for each of axes \(axes)")
    }
    let zeros = [Int](repeating: 0, count: rank)
    var pad = Pad(before: zeros, after: zeros, mode: mode)
    var ranges: [Slice.Range] = []
    for (place, axis) in axes.enumerated() {
      let (before, after) = (pads[place], pads[axes.count + place])
      pad.before[axis] = max(before, 0)
      pad.after[axis] = max(after, 0)
      guard min(before, after) < 0, let extent = x.shape[axis].extent else { continue }
      ranges.append(
        Slice.Range(axis: axis, start: max(-before, 0), end: extent - max(-after, 0)))
    }
    var result = x.id
    if !ranges.isEmpty {
      result = try add(.slice(Slice(ranges: ranges)), [result], for: node)
    }
    guard ranges.isEmpty || pad.before != zeros || pad.after != zeros else {
      return .activation(result)
    }
    return .activation(try add(.pad(pad), [result], for: node))
  }

  private func padMode(_ node: NodeReader) throws -> Pad.Mode {
    switch try node.text("mode", default: "constant") {
    case "constant":
      return .constant(
        try number(node, attribute: "value", input: 2, since: 11, default: 0))
    case "reflect": return .reflect
    case "edge": return .edge
    case "wrap": return .wrap
    case let mode:
      throw node.failure(.invalidGraph, "attribute mode is \"\(mode)\"; ONNX has no such mode")
    }
  }
}

extension NodeReader {
  /// Equal parts; the last may be smaller where opset 18 says how many there are.
  func equalParts(of extent: Int, count: Int) throws -> [Int] {
    let stated = try integer("num_outputs", default: count)
    guard stated == count, count > 0, count <= extent, has("num_outputs") || extent % count == 0
    else {
      throw failure(.invalidGraph, "\(extent) elements do not split into \(stated) equal parts")
    }
    let length = (extent + count - 1) / count
    return Array(repeating: length, count: count - 1) + [extent - length * (count - 1)]
  }
}
