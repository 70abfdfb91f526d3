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

  /// Of the gradients' elements, and of their squares; the later a step, the more it counts.
  private struct Averages {
    private static let (decay, decayOfSquares) = (0.9, 0.999)

    private var means: [Double]
    private var squares: [Double]

    init(count: Int) {
      means = Array(repeating: 0, count: count)
      squares = means
    }

    /// - Parameter step: From 1 on.
    mutating func direction(_ gradient: [Double], step: Int) -> [Double] {
      // Both averages begin at zero, which is taken out of them.
      let scale =
        (1 - pow(Self.decayOfSquares, Double(step))).squareRoot()
        / (1 - pow(Self.decay, Double(step)))
      return gradient.indices.map { place in
        let element = gradient[place]
        means[place] += (1 - Self.decay) * (element - means[place])
        squares[place] += (1 - Self.decayOfSquares) * (element * element - squares[place])
        // What never had a gradient stays where it is.
        return squares[place] > 0 ? scale * means[place] / squares[place].squareRoot() : 0
      }
    }
  }
}
