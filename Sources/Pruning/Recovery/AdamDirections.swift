import Foundation
import LinearAlgebra

/// Directions of the method Adam: the mean of the last gradients, every element divided by the root
/// of the mean of its own squares. So an element is rarely more than 1, whatever the gradients' scale:
/// it is up to 7 where gradients begin late.
///
/// Reference: Kingma and Ba, "Adam: A Method for Stochastic Optimization", ICLR 2015.
public struct AdamDirections: Sendable {
  private var layers: [(weights: Averages, constants: Averages)] = []
  private var steps = 0

  public init() {}

  /// The next direction, for gradients by several layers.
  ///
  /// - Precondition: They are of the same layers, in the same order, each time.
  public mutating func next(_ gradients: [LayerStep]) -> [LayerStep] {
    if steps == 0 {
      layers = gradients.map {
        (Averages(count: $0.weights.elements.count), Averages(count: $0.constants.count))
      }
    }
    precondition(
      layers.count == gradients.count, "\(gradients.count) layers after \(layers.count)")
    steps += 1
    return gradients.enumerated().map { layer, gradient in
      LayerStep(
        weights: Matrix(
          rows: gradient.weights.rows, columns: gradient.weights.columns,
          elements: layers[layer].weights.direction(gradient.weights.elements, step: steps)),
        constants: layers[layer].constants.direction(gradient.constants, step: steps))
    }
  }

  /// Of the gradients' elements, and of their squares; the later a step, the more it counts. In
  /// single precision: they are kept and sent between stretches of steps.
  private struct Averages {
    private static let (decay, decayOfSquares) = (0.9, 0.999)

    fileprivate private(set) var means: [Float]
    fileprivate private(set) var squares: [Float]

    init(count: Int) {
      means = Array(repeating: 0, count: count)
      squares = means
    }

    init(means: [Float], squares: [Float]) { (self.means, self.squares) = (means, squares) }

    private static func average(_ last: Float, _ next: Double, _ decay: Double) -> Float {
      Float(Double(last) + (1 - decay) * (next - Double(last)))
    }

    /// - Parameter step: From 1 on.
    mutating func direction(_ gradient: [Double], step: Int) -> [Double] {
      // Both averages begin at zero, which is taken out of them.
      let scale =
        (1 - pow(Self.decayOfSquares, Double(step))).squareRoot()
        / (1 - pow(Self.decay, Double(step)))
      return gradient.indices.map { place in
        let element = gradient[place]
        means[place] = Self.average(means[place], element, Self.decay)
        squares[place] = Self.average(squares[place], element * element, Self.decayOfSquares)
        let (mean, square) = (Double(means[place]), Double(squares[place]))
        // What never had a gradient to speak of stays where it is.
        return square > 0 && square.isFinite ? scale * mean / square.squareRoot() : 0
      }
    }
  }
}

/// As part of a record.
extension AdamDirections {
  private static let mostElements = 1 << 40

  public func write(to record: inout RecordWriter) {
    record.write(steps)
    record.write(layers.count)
    for averages in layers.flatMap({ [$0.weights, $0.constants] }) {
      record.write(averages.means.count)
      record.write(averages.means)
      record.write(averages.squares)
    }
  }

  /// - Throws: ``LinearAlgebraError`` with `corruptedRecord`.
  public init(from record: inout RecordReader) throws {
    steps = try record.integer(in: 0...Self.mostElements)
    let count = try record.integer(in: 0...Self.mostElements)
    func averages() throws -> Averages {
      let count = try record.integer(in: 0...Self.mostElements)
      return Averages(means: try record.floats(count), squares: try record.floats(count))
    }
    for _ in 0..<count { layers.append((try averages(), try averages())) }
  }

  /// How many elements each layer's weights and constants have.
  public var counts: [[Int]] { layers.map { [$0.weights.means.count, $0.constants.means.count] } }
}
