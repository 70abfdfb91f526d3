import Execution
import NetworkGraph

/// Operators that give the same elements other places.
extension ProgramBuilder {
  /// What the output has along an axis: an index of the source, or nil for the border's number.
  typealias Selection = [Int?]

  /// All indices along an axis.
  static func whole(_ extent: Int) -> Selection { (0..<extent).map { $0 } }

  mutating func lower(_ operation: Slice, of x: ValueID, _ step: FusedStep) throws {
    var selections = shape(of: x).map { Self.whole($0) }
    for range in operation.ranges {
      selections[range.axis] = range.indices.map { selections[range.axis][$0] }
    }
    try lower(selections, of: x, step)
  }

  mutating func lower(_ operation: Gather, of x: ValueID, _ step: FusedStep) throws {
    var selections = shape(of: x).map { Self.whole($0) }
    selections[operation.axis] = operation.indices
    try lower(selections, of: x, step)
  }

  mutating func lower(_ operation: Pad, of x: ValueID, _ step: FusedStep) throws {
    let selections = shape(of: x).enumerated().map { axis, extent -> Selection in
      (-operation.before[axis]..<extent + operation.after[axis]).map { index in
        switch operation.mode {
        case .constant: (0..<extent).contains(index) ? index : nil
        case .edge: min(max(index, 0), extent - 1)
        case .reflect: extent - 1 - abs(extent - 1 - abs(index))
        case .wrap: (index + extent) % extent
        }
      }
    }
    let border: Float = if case .constant(let value) = operation.mode { value } else { 0 }
    try lower(selections, border: border, of: x, step)
  }

  /// Takes indices of every axis, in the arrangement that the source has.
  mutating func lower(
    _ selections: [Selection], border: Float = 0, of x: ValueID, _ step: FusedStep
  ) throws {
    let node = step.node
    let output = selections.map(\.count)
    var source = try ordinaryPlace(of: x, node: node)
    var layout = try Layout(output, arrangedAs: source.layout, node: node.name)
    if !layout.isPlain, border != 0 {
      // What rounds blocks up must stay 0.
      source = try rowMajorPlace(of: x, node: node)
      layout = try Layout(rowMajor: output, node: node.name)
    }
    let destination = makePlace(layout)
    let hasBorder = selections.contains { $0.contains(nil) }
    let axes = try selections.enumerated().map { axis, selection in
      let from = try offsets(source.layout, axis, node)
      let to = try offsets(layout, axis, node)
      let kept = zip(selection, to).compactMap { index, place in index.map { (from[$0], place) } }
      return BoxMove.Axis(source: kept.map(\.0), destination: kept.map(\.1))
    }
    emitMoves(
      [(source.buffer, BoxMove(axes))], to: destination,
      border: hasBorder || !layout.isPlain ? border : nil)
    try define(step.output, reshaping: destination, node: node)
  }

  /// Repeats a value along axes of extent 1 and new ones in front.
  mutating func expandedPlace(
    of x: ValueID, to shape: [Int], _ step: FusedStep
  ) throws -> Place {
    let source = try rowMajorPlace(of: x, node: step.node)
    let own = self.shape(of: x)
    let padded = Array(repeating: 1, count: shape.count - own.count) + own
    let destination = makePlace(try Layout(rowMajor: shape, node: step.node.name))
    let (from, to) = (padded.rowMajorStrides, shape.rowMajorStrides)
    let axes = shape.indices.map { axis in
      BoxMove.Axis(
        source: (0..<shape[axis]).map { padded[axis] == 1 ? 0 : $0 * from[axis] },
        destination: (0..<shape[axis]).map { $0 * to[axis] })
    }
    emitMoves([(source.buffer, BoxMove(axes))], to: destination, border: nil)
    return destination
  }

  mutating func lowerExpand(of x: ValueID, _ step: FusedStep) throws {
    try define(step.output, at: try expandedPlace(of: x, to: shape(of: step.output), step))
  }

  mutating func lower(_ operation: Concat, _ step: FusedStep) throws {
    let node = step.node
    let inputs = node.inputs.compactMap(\.self)
    let pattern = try ordinaryPlace(of: step.inputs[0], node: node).layout
    let layout = try Layout(shape(of: step.output), arrangedAs: pattern, node: node.name)
    let destination = makePlace(layout)
    var moves: [(Int, BoxMove)] = []
    var start = 0
    for input in inputs {
      let source = try ordinaryPlace(of: input, node: node)
      let extents = source.layout.shape
      let axes = try extents.indices.map { axis in
        let first = axis == operation.axis ? start : 0
        return BoxMove.Axis(
          source: try offsets(source.layout, axis, node),
          destination: Array(try offsets(layout, axis, node)[first..<first + extents[axis]]))
      }
      moves.append((source.buffer, BoxMove(axes)))
      start += extents[operation.axis]
    }
    emitMoves(moves, to: destination, border: layout.isPlain ? nil : 0)
    try define(step.output, at: destination)
  }

  mutating func lower(_ operation: DepthToSpace, of x: ValueID, _ step: FusedStep) throws {
    let size = operation.size
    let channels = shape(of: step.output)[1]
    let (slow, fast) = operation.placesAreFast ? (size * size, 1) : (1, channels)
    try lowerShuffle(of: x, step) { extents, strides in
      [
        extents[0].map { $0 * strides[0] },
        extents[1].map { $0 * slow * strides[1] },
        extents[2].map { $0 / size * strides[2] + $0 % size * size * fast * strides[1] },
        extents[3].map { $0 / size * strides[3] + $0 % size * fast * strides[1] },
      ]
    }
  }

  mutating func lower(_ operation: SpaceToDepth, of x: ValueID, _ step: FusedStep) throws {
    let size = operation.size
    let channels = shape(of: x)[1]
    try lowerShuffle(of: x, step) { extents, strides in
      [
        extents[0].map { $0 * strides[0] },
        extents[1].map { channel in
          let place = channel / channels
          return channel % channels * strides[1] + place / size * strides[2]
            + place % size * strides[3]
        },
        extents[2].map { $0 * size * strides[2] },
        extents[3].map { $0 * size * strides[3] },
      ]
    }
  }

  /// Moves every element of the output from a place that is a sum over its axes.
  private mutating func lowerShuffle(
    of x: ValueID, _ step: FusedStep,
    source offsets: (_ extents: [Range<Int>], _ strides: [Int]) -> [[Int]]
  ) throws {
    let node = step.node
    var source = try ordinaryPlace(of: x, node: node)
    if !source.layout.isPlain { source = try rowMajorPlace(of: x, node: node) }
    let output = shape(of: step.output)
    let layout = try Layout(output, arrangedAs: source.layout, node: node.name)
    let destination = makePlace(layout)
    let from = offsets(output.map { 0..<$0 }, source.layout.strides)
    let to = try output.indices.map { try self.offsets(layout, $0, node) }
    let move = BoxMove(zip(from, to).map { BoxMove.Axis(source: $0, destination: $1) })
    emitMoves([(source.buffer, move)], to: destination, border: nil)
    try define(step.output, at: destination)
  }

  /// A change of order is a change of strides: whoever needs another order copies.
  mutating func lower(_ operation: Transpose, of x: ValueID, _ step: FusedStep) throws {
    let source = try place(of: x, node: step.node)
    let layout = try source.layout.permuted(operation.permutation, node: step.node.name)
    try define(step.output, at: Place(buffer: source.buffer, layout: layout))
  }

  /// The same buffer under another shape.
  mutating func lowerReshape(of x: ValueID, _ step: FusedStep) throws {
    let source = try place(of: x, node: step.node)
    if let layout = source.layout.reshaped(shape(of: step.output)) {
      return try define(step.output, at: Place(buffer: source.buffer, layout: layout))
    }
    let rowMajor = try rowMajorPlace(of: x, node: step.node)
    let layout = try Layout(rowMajor: shape(of: step.output), node: step.node.name)
    try define(step.output, at: Place(buffer: rowMajor.buffer, layout: layout))
  }

  /// Records a value that was computed under another shape.
  mutating func define(_ value: ValueID, reshaping place: Place, node: Node) throws {
    let shape = shape(of: value)
    if place.layout.shape == shape { return try define(value, at: place) }
    if let layout = place.layout.reshaped(shape) {
      return try define(value, at: Place(buffer: place.buffer, layout: layout))
    }
    let flat = try copy(
      of: place, in: try Layout(rowMajor: place.layout.shape, node: node.name), node: node)
    let layout = try Layout(rowMajor: shape, node: node.name)
    try define(value, at: Place(buffer: flat.buffer, layout: layout))
  }

  /// - Parameter border: Fills what no move writes; nil where the moves write all.
  private mutating func emitMoves(
    _ moves: [(source: Int, move: BoxMove)], to destination: Place, border: Float?
  ) {
    let count = destination.layout.storedCount
    emit(kernel: "own copy", moves.map(\.source) + [destination.buffer]) { operands, _ in
      let target = operands[moves.count]
      if let border { target.update(repeating: border, count: count) }
      for (operand, part) in zip(operands, moves) { part.move.run(from: operand, to: target) }
    }
  }

  private func offsets(_ layout: Layout, _ axis: Int, _ node: Node) throws -> [Int] {
    if let offsets = layout.offsets(axis) { return offsets }
    throw ExecutionError(
      .unsupported, "node \"\(node.name)\" reads an array with several blocked axes")
  }
}
