import LinearAlgebra

/// The moments of inputs with the outputs that a clamp takes nearest to the target.
struct ClampedStep: BlockConsumer {
  private let fit: TargetFit
  private let clamp: OutputClamp
  private let targets: [TargetMoments.Kept]
  private let meanWeight: Int
  /// Ū, rounded.
  private let centre: [Float]
  /// W Ū + offset, by output.
  private let constants: [Float]
  private var place = 0
  /// Σ z (u − centre)ᵀ.
  private var products: Matrix
  private var sums: [Double]
  private var outputs: [Float] = []

  init(_ fit: TargetFit, clamp: OutputClamp, targets: [TargetMoments.Kept], meanWeight: Int) {
    self.fit = fit
    self.clamp = clamp
    self.targets = targets
    self.meanWeight = meanWeight
    let centre = fit.mean.map(Float.init)
    self.centre = centre
    constants = (0..<fit.outputs).map { output in
      Float(
        (0..<fit.columns).reduce(fit.offsets[output]) {
          $0 + Double(fit.weights[output * fit.columns + $1]) * Double(centre[$1])
        })
    }
    products = Matrix(rows: fit.outputs, columns: fit.columns)
    sums = Array(repeating: 0, count: fit.outputs)
  }

  mutating func take(_ block: inout [Float], images: [Int]) throws {
    let size = PositionBlocks.rowLength
    let positions = images.reduce(0, +)
    block.withUnsafeMutableBufferPointer { block in
      for (row, shift) in centre.enumerated() {
        for index in row * size..<row * size + positions { block[index] -= shift }
      }
    }
    outputs = [Float](repeating: 0, count: fit.outputs * size)
    FloatProducts.add(
      fit.weights, times: block, inner: fit.columns, m: fit.outputs, n: positions,
      rowsOfBApart: size, rowsOfCApart: size, into: &outputs)
    move(positions)
    _ = PositionBlocks.appendMeans(
      to: &block, rows: fit.columns, images: images, weight: meanWeight)
    let places = PositionBlocks.appendMeans(
      to: &outputs, rows: fit.outputs, images: images, weight: meanWeight)
    var product = [Float](repeating: 0, count: fit.outputs * fit.columns)
    FloatProducts.add(
      rows: outputs, times: block, inner: places, stride: size, m: fit.outputs,
      n: fit.columns, into: &product)
    for index in product.indices { products.elements[index] += Double(product[index]) }
    place += 1
  }

  /// Moves the outputs of a block to the nearest ones that clamp to the target.
  private mutating func move(_ positions: Int) {
    let (size, kept) = (PositionBlocks.rowLength, targets[place])
    for output in 0..<fit.outputs {
      let (lower, upper) = (clamp.lower[output], clamp.upper[output])
      let (shift, constant) = (clamp.shift[output], constants[output])
      let source = output * positions
      let hasShortcut = !kept.shortcut.isEmpty
      let sum = outputs.withUnsafeMutableBufferPointer { outputs in
        kept.target.withUnsafeBufferPointer { target in
          kept.shortcut.withUnsafeBufferPointer { shortcut in
            let row = UnsafeMutableBufferPointer(
              rebasing: outputs[output * size..<output * size + positions])
            for index in 0..<positions {
              let added = shift + (hasShortcut ? shortcut[source + index] : 0)
              row[index] =
                OutputClamp.nearest(
                  to: row[index] + constant + added, target: target[source + index] + added,
                  lower: lower, upper: upper) - added
            }
            return row.reduce(0.0) { $0 + Double($1) }
          }
        }
      }
      sums[output] += Double(1 + meanWeight) * sum
    }
  }

  var targetMean: [Double] { sums.map { $0 / Double(max(fit.positions, 1)) } }

  /// Z Uᵀ.
  func cross(centred: Bool) -> Matrix {
    var result = products
    for output in 0..<fit.outputs {
      for column in 0..<fit.columns {
        // Σ z (u − c)ᵀ is centred up to the rounding of c.
        let shift = Double(centre[column])
        result[output, column] +=
          sums[output] * (centred ? shift - fit.mean[column] : shift)
      }
    }
    return result
  }
}
