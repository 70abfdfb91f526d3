import LinearAlgebra
import NetworkGraph
import Recovery
import Tensors

extension Network {
  /// Adds a step to a layer's weights and constants.
  ///
  /// - Parameters:
  ///   - length: What the step is multiplied by.
  ///   - mean: Of the layer's input, which the step's constants are given for; 0 without it.
  ///   - factors: By output, from where the step is given to the layer's own output; 1 without them.
  mutating func move(
    _ layer: ConsumerLayer, by step: LayerStep, times length: Double = 1, mean: [Double]? = nil,
    factors: [Float]? = nil
  ) {
    guard let weight = constant(layer.weight) else { return }
    var elements = (layer.inputAxis == 1 ? weight : weight.transposed).elements
    let (outputs, columns) = (step.weights.rows, step.weights.columns)
    var shift = [Double](repeating: 0, count: outputs)
    for output in 0..<outputs {
      let scale = length * Double(factors?[output] ?? 1)
      shift[output] = scale * step.constants[output]
      for column in 0..<columns {
        let change = scale * step.weights[output, column]
        elements[output * columns + column] += Float(change)
        if let mean { shift[output] -= change * mean[column] }
      }
    }
    replaceWeight(of: layer, with: elements)
    if layer.absorbsMean { absorb(shift, in: layer) }
  }
}
