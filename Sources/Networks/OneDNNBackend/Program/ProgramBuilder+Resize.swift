import Execution
import NetworkGraph
import Tensors

extension ProgramBuilder {
  mutating func lower(_ operation: Resize, of x: ValueID, _ step: FusedStep) throws {
    let input = shape(of: x)
    let output = shape(of: step.output)
    switch operation.mode {
    case .nearest:
      let selections = input.indices.map { axis -> Selection in
        operation.leaves(axis, of: Shape(input))
          ? Self.whole(input[axis]) : nearest(operation, axis, input[axis])
      }
      try lower(selections, of: x, step)
    case .linear where isBetweenCentres(operation, from: input, to: output):
      let source = try ordinaryPlace(of: x, node: step.node)
      let layout = try Layout(output, arrangedAs: source.layout, node: step.node.name)
      let primitive = try Primitive.resampling(
        from: source.layout, to: layout, engine: engine, node: step.node.name)
      let destination = makePlace(layout)
      try emit(primitive, [(.source, .place(source)), (.destination, .place(destination))])
      try define(step.output, at: destination)
    case .linear, .cubic: try lowerByReference(step)
    }
  }

  /// The index that each place of the output takes along an axis: the reference's choice among
  /// elements that are their own indices.
  private func nearest(_ operation: Resize, _ axis: Int, _ extent: Int) -> Selection {
    var line = operation
    line.scales = [operation.scales[axis]]
    line.sizes = [operation.sizes[axis]]
    let indices = Tensor(shape: [extent], elements: (0..<extent).map(Float.init))
    return ReferenceOperators.resize(line, indices).elements.map { Int($0) }
  }

  /// Whether it interpolates as oneDNN does: over spatial axes, half a pixel from the border, by
  /// the exact ratio of the extents.
  private func isBetweenCentres(
    _ operation: Resize, from input: [Int], to output: [Int]
  ) -> Bool {
    guard (3...5).contains(input.count), input[..<2] == output[..<2], !operation.antialiases,
      operation.coordinates == .halfPixel
        || operation.coordinates == .pytorchHalfPixel && !output[2...].contains(1)
    else { return false }
    return input.indices.dropFirst(2).allSatisfy { axis in
      operation.sizes[axis] != nil
        || Float(output[axis]) / Float(input[axis]) == operation.scales[axis]
    }
  }
}
