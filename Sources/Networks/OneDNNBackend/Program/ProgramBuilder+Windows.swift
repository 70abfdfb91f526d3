import COneDNN
import Execution
import NetworkGraph

/// Pooling, and the moves of Slice and Pad in blocked layouts.
extension ProgramBuilder {
  mutating func lower(_ operation: Pooling, _ step: FusedStep) throws {
    let input = Array(shape(of: step.inputs[0])[2...])
    let output = Array(shape(of: step.output)[2...])
    guard let kernel = operation.kernel else {
      return try lowerPooling(
        operation.kind, kernel: input, strides: input.map { _ in 1 },
        padsBefore: input.map { _ in 0 }, padsAfter: input.map { _ in 0 }, step)
    }
    // oneDNN computes the output's extent rounding down, from pads that reach the last window.
    let reach = input.indices.map { axis in
      (output[axis] - 1) * operation.strides[axis] + kernel[axis] - input[axis]
        - operation.padsBefore[axis]
    }
    let padsAfter = zip(reach, operation.padsAfter).map { max($0, $1) }
    if padsAfter != operation.padsAfter, operation.kind == .average(countsPadding: true) {
      // Its divisor would count what lies beyond the pads.
      return try lowerByReference(step)
    }
    try lowerPooling(
      operation.kind, kernel: kernel, strides: operation.strides,
      padsBefore: operation.padsBefore, padsAfter: padsAfter, step)
  }

  /// The mean over all spatial axes is a pooling; others are rare.
  mutating func lower(_ operation: Reduction, _ step: FusedStep) throws {
    let input = shape(of: step.inputs[0])
    guard operation.kind == .mean, input.count > 2, operation.axes == Array(2..<input.count) else {
      return try lowerByReference(step)
    }
    let spatial = Array(input[2...])
    try lowerPooling(
      .average(countsPadding: false), kernel: spatial, strides: spatial.map { _ in 1 },
      padsBefore: spatial.map { _ in 0 }, padsAfter: spatial.map { _ in 0 }, step)
  }

  private mutating func lowerPooling(
    _ kind: Pooling.Kind, kernel: [Int], strides: [Int], padsBefore: [Int], padsAfter: [Int],
    _ step: FusedStep
  ) throws {
    let node = step.node
    let algorithm =
      switch kind {
      case .maximum: dnnl_pooling_max
      case .average(countsPadding: true): dnnl_pooling_avg_include_padding
      case .average(countsPadding: false): dnnl_pooling_avg_exclude_padding
      }
    let source = try place(of: step.inputs[0], node: node)
    let input = source.layout.shape
    let pooled = kernel.indices.map { axis in
      (input[axis + 2] + padsBefore[axis] + padsAfter[axis] - kernel[axis]) / strides[axis] + 1
    }
    let primitive = try Primitive.pooling(
      algorithm, source: source.layout, destination: Array(input[..<2]) + pooled, kernel: kernel,
      strides: strides, padsBefore: padsBefore, padsAfter: padsAfter, engine: engine,
      node: node.name)
    let destination = makePlace(try primitive.layout(.destination))
    try emit(primitive, [(.source, .place(source)), (.destination, .place(destination))])
    let output = shape(of: step.output)
    if output.count == input.count { return define(step.output, at: destination) }
    // A mean that drops its axes: row-major, the extents of 1 make no difference.
    let flat = makePlace(try Layout(rowMajor: destination.layout.shape, node: node.name))
    let reorder = try Primitive.reorder(
      from: destination.layout, to: flat.layout, engine: engine, node: node.name)
    try emit(reorder, [(.source, .place(destination)), (.destination, .place(flat))])
    let layout = try Layout(rowMajor: output, node: node.name)
    define(step.output, at: Place(buffer: flat.buffer, layout: layout))
  }

  mutating func lower(_ operation: Slice, _ step: FusedStep) throws {
    var moves = shape(of: step.output).map { AxisMove(count: $0) }
    for range in operation.ranges {
      moves[range.axis].sourceStart = range.start
      moves[range.axis].sourceStep = range.step
    }
    let axes = Set(operation.ranges.map(\.axis))
    guard axes.count == operation.ranges.count else { return try lowerByReference(step) }
    try lower(moves, step)
  }

  mutating func lower(_ operation: Pad, _ step: FusedStep) throws {
    guard operation.mode == .constant(0) else { return try lowerByReference(step) }
    let moves = zip(shape(of: step.inputs[0]), operation.before).map {
      AxisMove(count: $0, destinationStart: $1)
    }
    try lower(moves, step)
  }

  /// Moves a box of elements into zeros, in the arrangement the source has.
  private mutating func lower(_ moves: [AxisMove], _ step: FusedStep) throws {
    let node = step.node
    let current = try place(of: step.inputs[0], node: node)
    let output = shape(of: step.output)
    let source =
      current.layout.channelBlock == nil
      ? try rowMajorPlace(of: step.inputs[0], node: node) : current
    let layout = try Layout(output, arrangedAs: source.layout, node: node.name)
    let destination = makePlace(layout)
    let move = BoxMove(moves, from: source.layout, to: layout)
    emit(
      .kernel([source.buffer, destination.buffer]) { operands, _ in
        move.run(from: operands[0], to: operands[1])
      })
    define(step.output, at: destination)
  }
}
