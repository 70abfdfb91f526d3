import Execution
import NetworkGraph
import Tensors

extension ProgramBuilder {
  /// Adds the instructions of a step.
  ///
  /// - Throws: ``ExecutionError`` with `unsupported` where the reference has to compute it.
  mutating func lower(_ step: FusedStep) throws {
    switch step.work {
    case .layer(let layer): try lower(layer, step)
    case .functions(let functions): try lower(functions, step)
    case .pair(let operation, let functions): try lower(operation, functions, step)
    case .batchNormalization(let operation, let endsInRelu):
      try lower(operation, endsInRelu: endsInRelu, step)
    case .single: try lowerSingle(step)
    }
  }

  private mutating func lowerSingle(_ step: FusedStep) throws {
    guard let x = step.node.inputs.first ?? nil, network.constant(x) == nil || isVariadic(step)
    else { return try lowerByReference(step) }
    switch step.node.operation {
    case .activation(let operation): try lower(operation, of: x, step)
    case .parametricRelu: try lowerParametricRelu(of: x, step)
    case .matrixProduct: try lowerMatrixProduct(step)
    case .normalization(let operation): try lower(operation, of: x, step)
    case .localResponseNormalization(let operation): try lower(operation, of: x, step)
    case .softmax(let operation): try lower(operation, of: x, step)
    case .pooling(let operation): try lower(operation, of: x, step)
    case .reduction(let operation): try lower(operation, of: x, step)
    case .resize(let operation): try lower(operation, of: x, step)
    case .concat(let operation): try lower(operation, step)
    case .slice(let operation): try lower(operation, of: x, step)
    case .gather(let operation): try lower(operation, of: x, step)
    case .pad(let operation): try lower(operation, of: x, step)
    case .expand: try lowerExpand(of: x, step)
    case .depthToSpace(let operation): try lower(operation, of: x, step)
    case .spaceToDepth(let operation): try lower(operation, of: x, step)
    case .transpose(let operation): try lower(operation, of: x, step)
    case .flatten, .reshape: try lowerReshape(of: x, step)
    case .cast(let cast) where cast.type == .float32:
      try define(step.output, at: try place(of: x, node: step.node))
    case .convolution, .transposedConvolution, .gemm, .batchNormalization, .elementwise, .argMax,
      .cast:
      try lowerByReference(step)
    }
  }

  /// Whether constants may stand at any place of the node's inputs.
  private func isVariadic(_ step: FusedStep) -> Bool {
    switch step.node.operation {
    case .concat, .matrixProduct: !step.inputs.isEmpty
    default: false
    }
  }

  /// Operators that oneDNN has no primitive for: the reference's functions on row-major copies.
  mutating func lowerByReference(_ step: FusedStep) throws {
    let sources = try step.inputs.map { try rowMajorPlace(of: $0, node: step.node) }
    let destination = try makeRowMajorPlace(for: step.output, node: step.node)
    let (network, options, images) = (network, options, images)
    let shapes = step.inputs.map(shape(of:))
    emit(kernel: "reference", sources.map(\.buffer) + [destination.buffer]) { operands, result in
      var values: [ValueID: Tensor] = [:]
      for (id, (shape, pointer)) in zip(step.inputs, zip(shapes, operands)) {
        values[id] = Tensor(
          shape: shape,
          elements: Array(UnsafeBufferPointer(start: pointer, count: shape.elementCount)))
      }
      for index in step.nodes {
        let node = network.nodes[index]
        var inputs = node.inputs.map { id in id.flatMap { network.constant($0) ?? values[$0] } }
        if case .batchNormalization = node.operation, let x = inputs[0],
          options.batchNormalization == .batchStatistics
        {
          let statistics = ReferenceOperators.channelStatistics(x)
          result.statistics[index] = statistics
          inputs[3] = Tensor(shape: [statistics.mean.count], elements: statistics.mean)
          inputs[4] = Tensor(shape: [statistics.mean.count], elements: statistics.variance)
        }
        values[node.output] = try ReferenceOperators.evaluate(node, inputs, batch: images)
      }
      values[step.output]?.elements.withUnsafeBufferPointer { elements in
        if let base = elements.baseAddress {
          operands[shapes.count].update(from: base, count: elements.count)
        }
      }
    }
    try define(step.output, at: destination)
  }
}
