import NetworkGraph
import Tensors

/// Nodes that are computed together.
struct FusedStep {
  enum Work {
    case convolution(FusedConvolution)
    /// Two activations of one shape.
    case sum(ValueID, ValueID, Activation?)
    /// The node alone.
    case single
  }

  /// The place of the last of its nodes, where the step runs.
  var index: Int
  /// The first node: the one that names it in errors.
  var node: Node
  var work: Work
  /// Activations it reads.
  var inputs: [ValueID]
  var output: ValueID
}

/// A convolution with what follows it: y = activation(convolution(x) + addend).
struct FusedConvolution {
  var operation: Convolution
  /// `[O, C / groups, kernel…]`, a following BatchNormalization folded in.
  var weight: Tensor
  var bias: Tensor?
  var addend: ValueID?
  var activation: Activation?

  /// Folds y = scale · (x − mean) / √(variance + ε) + shift into weight and bias, in `Double`.
  mutating func fold(
    _ normalization: BatchNormalization, scale: Tensor, shift: Tensor, mean: Tensor,
    variance: Tensor
  ) {
    let outputs = weight.shape[0]
    let size = weight.count / outputs
    var folded = Tensor(shape: [outputs], repeating: 0)
    for output in 0..<outputs {
      let deviation =
        (Double(variance.elements[output]) + Double(normalization.epsilon)).squareRoot()
      let factor = Double(scale.elements[output]) / deviation
      for place in output * size..<(output + 1) * size {
        weight.elements[place] = Float(Double(weight.elements[place]) * factor)
      }
      let centre = Double(bias?.elements[output] ?? 0) - Double(mean.elements[output])
      folded.elements[output] = Float(centre * factor + Double(shift.elements[output]))
    }
    bias = folded
  }
}
