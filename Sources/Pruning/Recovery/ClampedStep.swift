import CKernels
import LinearAlgebra

/// The moments of inputs with what outputs would have to change by to be the nearest ones that a
/// clamp takes to the target.
struct ClampedStep: BlockConsumer {
  private let targets: KeptTargets
  private let meanWeight: Int
  /// The column of the layer's weight for each of a block.
  private let columns: [Int]
  /// W, `[columns of a block, O]`.
  private let weights: [Float]
  /// ū, in the order of a block.
  private let centre: [Float]
  private let clamp: OutputClamp
  /// W Ū + offset, by output.
  private let constants: [Float]
  /// Of the targets: where the next block begins.
  private var place: Int
  private var outputs: FloatRows
  private var product: [Float]
  /// Those so far, `[O, columns of a block]`.
  private var products: [Double]
  private var sums: OutputMove

  /// - Parameter start: The first position that will be looked at, of those that targets are of.
  init(
    _ fit: TargetFit, _ geometry: ConsumerGeometry, clamp: OutputClamp, targets: KeptTargets,
    start: Int, meanWeight: Int
  ) {
    self.targets = targets
    self.meanWeight = meanWeight
    place = start
    let columns = InputWindows(geometry).columns
    let sums = OutputMove(of: fit)
    self.columns = columns
    self.sums = sums
    centre = columns.map { sums.centre[$0] }
    weights = columns.flatMap { column in
      (0..<fit.outputs).map { fit.weights[$0 * fit.columns + column] }
    }
    self.clamp = clamp
    constants = (0..<fit.outputs).map { output in
      Float(
        (0..<fit.columns).reduce(fit.offsets[output]) {
          $0 + Double(fit.weights[output * fit.columns + $1]) * Double(sums.centre[$1])
        })
    }
    outputs = FloatRows(rows: 2 * PositionBlocks.size, columns: fit.outputs, repeating: 0)
    product = [Float](repeating: 0, count: fit.outputs * fit.columns)
    products = [Double](repeating: 0, count: fit.outputs * fit.columns)
  }

  /// Of all blocks.
  var move: OutputMove {
    var move = sums
    for output in 0..<outputs.columns {
      for (place, column) in columns.enumerated() {
        move.products[output, column] = products[output * columns.count + place]
      }
    }
    return move
  }

  mutating func take(_ block: inout FloatRows, images: [BlockImage]) throws {
    let positions = images.positions
    block.subtract(centre, rows: positions)
    block.multiplyFirstColumns(columns.count, by: weights, rows: positions, into: &outputs)
    moveOutputs(positions)
    let rows = block.appendMeans(
      ofFirstColumns: columns.count, images: images, weight: meanWeight)
    _ = outputs.appendMeans(ofFirstColumns: outputs.columns, images: images, weight: meanWeight)
    outputs.writeProduct(
      of: 0..<outputs.columns, byFirstColumns: columns.count, of: block, rows: rows,
      into: &product)
    products.add(product)
    place += positions
    sums.positions += positions * (1 + meanWeight)
  }

  /// Replaces the outputs of a block by how far the nearest ones that clamp to the target are.
  private mutating func moveOutputs(_ positions: Int) {
    let (count, first) = (outputs.columns, place * outputs.columns)
    precondition(positions <= outputs.rows && first + positions * count <= targets.targets.count)
    var totals = [Double](repeating: 0, count: count)
    let (kept, clamp, constants) = (targets, clamp, constants)
    kept.targets.withUnsafeBufferPointer { targets in
      kept.shortcuts.withUnsafeBufferPointer { shortcuts in
        clamp.withUnsafePointers(constants: constants) { clamps in
          guard let targets = targets.baseAddress else { return }
          espalier_move_outputs(
            &outputs.elements, positions, outputs.rowLength, count, targets + first,
            shortcuts.isEmpty ? nil : shortcuts.baseAddress.map { $0 + first }, clamps, &totals)
        }
      }
    }
    for output in totals.indices { sums.sums[output] += Double(1 + meanWeight) * totals[output] }
  }
}

extension OutputClamp {
  /// - Parameter constants: By output.
  fileprivate func withUnsafePointers<Result>(
    constants: [Float], _ body: (espalier_clamps) -> Result
  ) -> Result {
    lower.withUnsafeBufferPointer { lower in
      upper.withUnsafeBufferPointer { upper in
        shift.withUnsafeBufferPointer { shift in
          constants.withUnsafeBufferPointer { constants in
            body(
              espalier_clamps(
                lower: lower.baseAddress, upper: upper.baseAddress, shift: shift.baseAddress,
                constant: constants.baseAddress))
          }
        }
      }
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
