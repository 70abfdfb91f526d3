import LinearAlgebra

/// The moments of inputs with what outputs would have to change by to be the nearest ones that a
/// clamp takes to the target.
struct ClampedStep: BlockConsumer {
  private let fit: TargetFit
  private let clamp: OutputClamp
  /// By output, at all positions.
  private let targets: [[Float]]
  /// What is added to them; empty if nothing.
  private let shortcuts: [[Float]]
  private let meanWeight: Int
  /// W Ū + offset, by output.
  private let constants: [Float]
  /// Of the targets: where the next block begins.
  private var place: Int
  private(set) var move: OutputMove
  private var outputs: [Float]

  /// - Parameter start: The first position that will be looked at, of those that targets are of.
  init(
    _ fit: TargetFit, clamp: OutputClamp, targets: [[Float]], shortcuts: [[Float]], start: Int,
    meanWeight: Int
  ) {
    self.fit = fit
    self.clamp = clamp
    self.targets = targets
    self.shortcuts = shortcuts
    self.meanWeight = meanWeight
    place = start
    move = OutputMove(of: fit)
    let centre = move.centre
    constants = (0..<fit.outputs).map { output in
      Float(
        (0..<fit.columns).reduce(fit.offsets[output]) {
          $0 + Double(fit.weights[output * fit.columns + $1]) * Double(centre[$1])
        })
    }
    outputs = [Float](repeating: 0, count: fit.outputs * PositionBlocks.rowLength)
  }

  mutating func take(_ block: inout [Float], images: [Int]) throws {
    let size = PositionBlocks.rowLength
    let positions = images.reduce(0, +)
    PositionBlocks.subtract(move.centre, from: &block, positions: positions)
    for index in outputs.indices { outputs[index] = 0 }
    FloatProducts.add(
      fit.weights, times: block, inner: fit.columns, m: fit.outputs, n: positions,
      rowsOfBApart: size, rowsOfCApart: size, into: &outputs)
    moveOutputs(positions)
    _ = PositionBlocks.appendMeans(
      to: &block, rows: fit.columns, images: images, weight: meanWeight)
    let places = PositionBlocks.appendMeans(
      to: &outputs, rows: fit.outputs, images: images, weight: meanWeight)
    var product = [Float](repeating: 0, count: fit.outputs * fit.columns)
    FloatProducts.add(
      rows: outputs, times: block, inner: places, stride: size, m: fit.outputs,
      n: fit.columns, into: &product)
    for index in product.indices { move.products.elements[index] += Double(product[index]) }
    place += positions
    move.positions += positions * (1 + meanWeight)
  }

  /// Replaces the outputs of a block by how far the nearest ones that clamp to the target are.
  private mutating func moveOutputs(_ positions: Int) {
    let size = PositionBlocks.rowLength
    let places = place..<place + positions
    for output in 0..<fit.outputs {
      let (lower, upper) = (clamp.lower[output], clamp.upper[output])
      let (shift, constant) = (clamp.shift[output], constants[output])
      // A loop of its own, so that both run on vectors.
      let added =
        shortcuts.isEmpty
        ? [Float](repeating: shift, count: positions)
        : shortcuts[output][places].map { shift + $0 }
      let sum = outputs.withUnsafeMutableBufferPointer { outputs in
        targets[output].withUnsafeBufferPointer { targets in
          added.withUnsafeBufferPointer { added in
            let row = UnsafeMutableBufferPointer(
              rebasing: outputs[output * size..<output * size + positions])
            let target = UnsafeBufferPointer(rebasing: targets[places])
            for index in 0..<positions {
              let value = row[index] + constant + added[index]
              row[index] =
                OutputClamp.nearest(
                  to: value, target: target[index] + added[index], lower: lower, upper: upper)
                - value
            }
            return row.reduce(0.0) { $0 + Double($1) }
          }
        }
      }
      move.sums[output] += Double(1 + meanWeight) * sum
    }
  }
}

/// Moments of a layer's inputs u with what its outputs y would have to move by, z − y.
struct OutputMove: Sendable {
  /// ū, rounded.
  let centre: [Float]
  /// Positions seen, and with them those that stand for their images' means.
  fileprivate(set) var positions = 0
  /// Σ (z − y) (u − centre)ᵀ.
  fileprivate(set) var products: Matrix
  /// Σ (z − y).
  fileprivate(set) var sums: [Double]

  /// Those of no positions.
  init(of fit: TargetFit) {
    centre = fit.curvature.mean.map(Float.init)
    products = Matrix(rows: fit.outputs, columns: fit.columns)
    sums = Array(repeating: 0, count: fit.outputs)
  }

  /// Adds those of other images.
  mutating func add(_ other: OutputMove) {
    positions += other.positions
    for index in products.elements.indices {
      products.elements[index] += other.products.elements[index]
    }
    for index in sums.indices { sums[index] += other.sums[index] }
  }

  /// Σ (z − y) (u − ū)ᵀ and z̄ − ȳ, as if all positions of the fit had been looked at; with ū = 0
  /// where it is not centred.
  func change(of curvature: InputCurvature, centred: Bool) -> LayerStep {
    let seen = Double(max(positions, 1))
    let scale = Double(curvature.positions) / seen
    var change = LayerStep(weights: products, constants: sums.map { $0 / seen })
    for output in sums.indices {
      for column in centre.indices {
        // Centred up to the rounding of c.
        let shift = Double(centre[column])
        let rest = sums[output] * (centred ? shift - curvature.mean[column] : shift)
        change.weights[output, column] = scale * (change.weights[output, column] + rest)
      }
    }
    return change
  }
}
