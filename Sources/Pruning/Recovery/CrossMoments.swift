import LinearAlgebra
import Tensors

/// The moments of a layer's input u with a map g at the positions of its output:
///
///     Σ g (u − ū)ᵀ,   Σ g
///
/// over all positions or some of them. Where the layer's curvature is not centred, ū is 0.
public struct CrossMoments: Sendable {
  private var blocks: PositionBlocks
  private var sums: Sums
  private let mean: [Double]
  /// The column of the layer's weight for each of a block.
  private let columns: [Int]

  /// - Parameters:
  ///   - curvature: Of the layer, whose ū is taken.
  ///   - positionsPerImage: How many positions of a map to take, about.
  public init(
    _ curvature: InputCurvature, geometry: ConsumerGeometry, positionsPerImage: Int
  ) {
    self.init(
      mean: curvature.centred ? curvature.mean : curvature.mean.map { _ in 0 },
      geometry: geometry, positionsPerImage: positionsPerImage)
  }

  /// Of inputs as they are, ū being 0, at all positions.
  public init(geometry: ConsumerGeometry) {
    self.init(
      mean: Array(repeating: 0, count: geometry.columns), geometry: geometry,
      positionsPerImage: max(geometry.positions, 1))
  }

  private init(mean: [Double], geometry: ConsumerGeometry, positionsPerImage: Int) {
    self.mean = mean
    blocks = PositionBlocks(
      geometry: geometry, companions: [geometry.outputs], positionsPerImage: positionsPerImage)
    columns = InputWindows(geometry).columns
    sums = Sums(outputs: geometry.outputs, centre: columns.map { Float(mean[$0]) })
  }

  /// Adds images.
  ///
  /// - Parameters:
  ///   - input: `[n, H, W, C]`.
  ///   - map: g, `[n, H', W', O]`.
  /// - Throws: ``RecoveryError`` with `shapeMismatch`.
  public mutating func add(input: Tensor, map: Tensor) throws {
    try blocks.add(input: input, maps: [ChannelMaps(map)], to: &sums)
  }

  /// The moments of everything added since the last call.
  public mutating func finish() throws -> LayerStep {
    try blocks.flush(to: &sums)
    blocks.restart()
    defer { sums.clear() }
    var products = Matrix(rows: blocks.geometry.outputs, columns: mean.count)
    for output in 0..<products.rows {
      for (place, column) in columns.enumerated() {
        // Centred up to the rounding of the centre.
        products[output, column] =
          sums.products[output * columns.count + place]
          + sums.totals[output] * (Double(sums.centre[place]) - mean[column])
      }
    }
    return LayerStep(weights: products, constants: sums.totals)
  }

  private struct Sums: BlockConsumer {
    /// ū, in the order of a block.
    let centre: [Float]
    let isCentred: Bool
    /// `[O, columns of a block]`.
    var products: [Double]
    var totals: [Double]
    private var product: [Float]

    init(outputs: Int, centre: [Float]) {
      self.centre = centre
      isCentred = centre.contains { $0 != 0 }
      products = Array(repeating: 0, count: outputs * centre.count)
      product = Array(repeating: 0, count: outputs * centre.count)
      totals = Array(repeating: 0, count: outputs)
    }

    mutating func clear() {
      for index in products.indices { products[index] = 0 }
      for index in totals.indices { totals[index] = 0 }
    }

    mutating func take(_ block: inout FloatRows, images: [BlockImage]) throws {
      let (columns, outputs) = (centre.count, totals.count)
      let positions = images.positions
      if isCentred { block.subtract(centre, rows: positions) }
      block.addRows(0..<positions, columns: columns..<columns + outputs, to: &totals)
      block.writeProduct(
        of: columns..<columns + outputs, byFirstColumns: columns, of: block, rows: positions,
        into: &product)
      products.add(product)
    }
  }
}

/// A change of a layer's weights and constants, or a loss's gradient by them.
///
/// The layer's output changes by `weights · (u − ū) + constants`.
public struct LayerStep: Sendable, Hashable {
  /// `[O, K]`.
  public var weights: Matrix
  /// By output.
  public var constants: [Double]

  public init(weights: Matrix, constants: [Double]) {
    self.weights = weights
    self.constants = constants
  }

  func dot(_ other: LayerStep) -> Double {
    zip(weights.elements, other.weights.elements).reduce(0) { $0 + $1.0 * $1.1 }
      + zip(constants, other.constants).reduce(0) { $0 + $1.0 * $1.1 }
  }

  /// So many times the change.
  public func times(_ factor: Double) -> LayerStep {
    LayerStep(
      weights: Matrix(
        rows: weights.rows, columns: weights.columns,
        elements: weights.elements.map { factor * $0 }),
      constants: constants.map { factor * $0 })
  }

  /// This change and `factor` times another.
  public func adding(_ other: LayerStep, times factor: Double) -> LayerStep {
    var sum = self
    for place in sum.weights.elements.indices {
      sum.weights.elements[place] += factor * other.weights.elements[place]
    }
    for place in sum.constants.indices {
      sum.constants[place] += factor * other.constants[place]
    }
    return sum
  }
}

extension [LayerStep] {
  /// The changes of some layers, and `factor` times others of the same.
  public func adding(_ other: [LayerStep], times factor: Double) -> [LayerStep] {
    zip(self, other).map { $0.adding($1, times: factor) }
  }
}

/// Directions of the method of conjugate gradients (Polak and Ribière), with a preconditioner.
public struct ConjugateDirections: Sendable {
  private var last: (gradients: [LayerStep], preconditioned: [LayerStep], direction: [LayerStep])?

  public init() {}

  /// The next direction, for gradients by several layers and what the preconditioner makes of them.
  public mutating func next(
    _ gradients: [LayerStep], preconditioned: [LayerStep]
  ) -> [LayerStep] {
    var direction = preconditioned
    if let last {
      var (change, size) = (0.0, 0.0)
      for (layer, gradient) in gradients.enumerated() {
        change +=
          preconditioned[layer].dot(gradient) - preconditioned[layer].dot(last.gradients[layer])
        size += last.preconditioned[layer].dot(last.gradients[layer])
      }
      let factor = size > 0 ? max(change / size, 0) : 0
      direction = direction.adding(last.direction, times: factor)
    }
    last = (gradients, preconditioned, direction)
    return direction
  }
}
