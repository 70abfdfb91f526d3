import Tensors

extension Pullback {
  /// What a change at a node's output is at one of its inputs.
  ///
  /// - Parameters:
  ///   - place: Of the input, which is an activation.
  /// - Returns: Nil where there is no rule.
  mutating func pullBack(
    _ change: ValueID, through node: Node, to place: Int, in original: Network
  ) throws -> ValueID? {
    guard let operand = node.inputs[place] else { return nil }
    let (from, to) = (original[node.output].shape, original[operand].shape)
    switch node.operation {
    case .convolution(let convolution):
      guard place == 0, let weight = original.constant(node.inputs[1]) else { return nil }
      return try pullBack(change, through: convolution, constant(weight), from: to, to: from)
    case .gemm(let gemm):
      guard place == 0, let weight = original.constant(node.inputs[1]) else { return nil }
      let transposed = Gemm(alpha: gemm.alpha, transposesWeight: !gemm.transposesWeight)
      return try add(.gemm(transposed), [change, constant(weight)])
    case .matrixProduct(let product):
      guard place == 0, let weight = original.constant(node.inputs[1]), weight.rank == 2 else {
        return nil
      }
      return try add(.matrixProduct(product), [change, constant(weight.transposed)])
    case .batchNormalization(let operation):
      guard place == 0, let constants = BatchNormalizationConstants(of: node, in: original) else {
        return nil
      }
      // The same scale, of nothing less a mean and nothing more.
      let zeros = [Float](repeating: 0, count: constants.scale.count)
      return try add(
        .batchNormalization(operation),
        [change]
          + [constants.scale, zeros, zeros, constants.variance].map {
            constant(Tensor(shape: [zeros.count], elements: $0))
          })
    case .activation(let activation):
      return try slope(of: activation, at: node.output, in: original).map {
        try multiply(change, by: $0)
      }
    case .elementwise(let function):
      return try pullBack(change, through: function, node, to: place, in: original)
    case .pooling(let pooling):
      return try spread(change, through: pooling, over: to)
    case .reduction(let reduction):
      return try spread(change, through: reduction, over: to)
    case .flatten, .reshape:
      return try add(.reshape(Reshape(target: to)), [change])
    case .transpose(let transpose):
      let places = transpose.permutation
      let inverse = places.indices.sorted { places[$0] < places[$1] }
      return try add(.transpose(Transpose(permutation: inverse)), [change])
    case .slice(let slice):
      return try slice.ranges.reduce(change) {
        try scatter($0, over: $1.indices, of: to[$1.axis].perImage, axis: $1.axis)
      }
    case .gather(let gather):
      guard Set(gather.indices).count == gather.indices.count else { return nil }
      return try scatter(
        change, over: gather.indices, of: to[gather.axis].perImage, axis: gather.axis)
    case .pad(let pad):
      guard case .constant = pad.mode else { return nil }
      let ranges = pad.before.indices.filter { pad.before[$0] + pad.after[$0] > 0 }
      return try take(
        from: change, ranges.map { ($0, pad.before[$0], to[$0].perImage) })
    case .concat(let concat):
      let start = node.inputs[..<place].compactMap(\.self).reduce(0) {
        $0 + original[$1].shape[concat.axis].perImage
      }
      return try take(from: change, [(concat.axis, start, to[concat.axis].perImage)])
    default:
      return nil
    }
  }

  private mutating func multiply(_ change: ValueID, by factor: ValueID) throws -> ValueID {
    try add(.elementwise(.multiply), [change, factor])
  }

  private mutating func scale(_ change: ValueID, by factor: Float) throws -> ValueID {
    factor == 1
      ? change : try multiply(change, by: constant(Tensor(shape: [1], elements: [factor])))
  }

  /// Strides become zeros between elements: libraries have fast transposed convolutions without.
  private mutating func pullBack(
    _ change: ValueID, through convolution: Convolution, _ weight: ValueID, from input: Shape,
    to output: Shape
  ) throws -> ValueID {
    var transposed = convolution.transposed(from: input, to: output)
    var spread = change
    for (axis, step) in transposed.strides.enumerated() where step > 1 {
      let extent = output[axis + 2].perImage
      spread = try scatter(
        spread, over: (0..<extent).map { step * $0 }, of: step * (extent - 1) + 1, axis: axis + 2)
      transposed.strides[axis] = 1
    }
    return try add(.transposedConvolution(transposed), [spread, weight])
  }

  private mutating func pullBack(
    _ change: ValueID, through function: Elementwise, _ node: Node, to place: Int,
    in original: Network
  ) throws -> ValueID? {
    guard let operand = node.inputs[place], let other = node.inputs[1 - place],
      original[operand].shape == original[node.output].shape
    else { return nil }
    func value(_ pullback: inout Pullback) -> ValueID {
      original.constant(other).map { pullback.constant($0) }
        ?? pullback.activation(other, of: original)
    }
    switch function {
    case .add: return change
    case .subtract: return try scale(change, by: place == 0 ? 1 : -1)
    case .multiply: return try multiply(change, by: value(&self))
    case .divide where place == 0:
      return try add(.elementwise(.divide), [change, value(&self)])
    default: return nil
    }
  }

  /// The slope of an activation, 1 or 0, from what it puts out.
  private mutating func slope(
    of activation: Activation, at output: ValueID, in original: Network
  ) throws -> ValueID? {
    let bounds: (lower: Float, upper: Float)
    switch activation {
    case .relu: bounds = (0, .infinity)
    case .clip(let lower, let upper): bounds = (lower, upper)
    default: return nil
    }
    // A line this steep is 0 at the bound and 1 behind it; a power of two rounds nothing.
    let steepness: Float = 0x1p100
    let value = self.activation(output, of: original)
    var factors: [ValueID] = []
    for (bound, sign) in [(bounds.lower, Float(1)), (bounds.upper, -1)] where bound.isFinite {
      let step = Activation.hardSigmoid(
        alpha: sign * steepness, beta: -sign * steepness * bound)
      factors.append(try add(.activation(step), [value]))
    }
    guard let first = factors.first else { return nil }
    return try factors.dropFirst().reduce(first) { try multiply($0, by: $1) }
  }

  /// An average gives each element it covers the same share.
  private mutating func spread(
    _ change: ValueID, through pooling: Pooling, over shape: Shape
  ) throws -> ValueID? {
    guard case .average(let countsPadding) = pooling.kind else { return nil }
    guard let kernel = pooling.kernel else {
      let positions = shape.dimensions[2...].reduce(1) { $0 * $1.perImage }
      return try add(
        .expand(Expand(target: shape)), [scale(change, by: 1 / Float(positions))])
    }
    let isPadded = (pooling.padsBefore + pooling.padsAfter).contains { $0 > 0 }
    guard !pooling.roundsUp, countsPadding || !isPadded else { return nil }
    let channels = shape[1].perImage
    let window = Convolution(
      kernel: kernel, strides: pooling.strides, dilations: pooling.dilations,
      padsBefore: pooling.padsBefore, padsAfter: pooling.padsAfter, groups: channels)
    let size = kernel.reduce(1, *)
    let weight = Tensor(
      shape: [channels, 1] + kernel,
      elements: Array(repeating: 1 / Float(size), count: channels * size))
    return try pullBack(
      change, through: window, constant(weight), from: shape, to: network[change].shape)
  }

  private mutating func spread(
    _ change: ValueID, through reduction: Reduction, over shape: Shape
  ) throws -> ValueID? {
    let axes = Set(reduction.axes)
    let count = axes.reduce(1) { $0 * shape[$1].perImage }
    let factor: Float
    switch reduction.kind {
    case .sum: factor = 1
    case .mean: factor = 1 / Float(count)
    default: return nil
    }
    let kept = Shape(
      shape.dimensions.enumerated().map { axes.contains($0) ? .fixed(1) : $1 })
    let reshaped = try add(.reshape(Reshape(target: kept)), [scale(change, by: factor)])
    return try add(.expand(Expand(target: shape)), [reshaped])
  }

  /// Puts the elements along an axis at other indices of a longer one, zeros elsewhere.
  private mutating func scatter(
    _ change: ValueID, over indices: [Int], of extent: Int, axis: Int
  ) throws -> ValueID {
    var before = [Int](repeating: 0, count: network[change].shape.rank)
    var after = before
    if let first = indices.first, indices == Array(first..<first + indices.count) {
      (before[axis], after[axis]) = (first, extent - first - indices.count)
      guard before[axis] + after[axis] > 0 else { return change }
      return try add(.pad(Pad(before: before, after: after)), [change])
    }
    // A zero at the end, for all to take that nothing is put at.
    after[axis] = 1
    let padded = try add(.pad(Pad(before: before, after: after)), [change])
    var sources = [Int](repeating: indices.count, count: extent)
    for (source, index) in indices.enumerated() { sources[index] = source }
    return try add(.gather(Gather(axis: axis, indices: sources)), [padded])
  }

  /// Some consecutive indices of some axes.
  private mutating func take(
    from change: ValueID, _ parts: [(axis: Int, start: Int, count: Int)]
  ) throws -> ValueID {
    guard !parts.isEmpty else { return change }
    return try add(
      .slice(
        Slice(
          ranges: parts.map {
            Slice.Range(axis: $0.axis, start: $0.start, end: $0.start + $0.count)
          })),
      [change])
  }
}
