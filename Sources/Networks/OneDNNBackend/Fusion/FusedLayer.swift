import NetworkGraph
import Tensors

/// An operation with weights and what follows it: y = functions(scale · layer(x) + bias + addend).
struct FusedLayer {
  enum Kind {
    case convolution(Convolution)
    case transposedConvolution(TransposedConvolution)
    /// Rows of x times a matrix `[K, M]`, or `[M, K]` where it is transposed.
    case product(transposesWeight: Bool)
  }

  var kind: Kind
  /// In ONNX's order of axes, what follows folded in.
  var weight: Tensor
  /// By output channel.
  var bias: [Float]?
  var addend: ValueID?
  var functions: [ElementwiseFunction] = []

  /// Channels of the output.
  var outputs: Int {
    switch kind {
    case .convolution: weight.shape[0]
    case .transposedConvolution(let operation): weight.shape[1] * operation.groups
    case .product(let transposesWeight): weight.shape[transposesWeight ? 0 : 1]
    }
  }

  /// The axis of channels in an output of `rank` axes.
  func channelAxis(rank: Int) -> Int {
    if case .product = kind { rank - 1 } else { 1 }
  }

  /// Multiplies every output channel by a factor, in `Double`.
  mutating func scale(by factors: [Double]) {
    for place in weight.elements.indices {
      weight.elements[place] = Float(Double(weight.elements[place]) * factors[channel(of: place)])
    }
    if let bias { self.bias = zip(bias, factors).map { Float(Double($0) * $1) } }
  }

  /// Adds a number to every output channel.
  mutating func shift(by terms: [Double]) {
    let bias = bias ?? Array(repeating: 0, count: terms.count)
    self.bias = zip(bias, terms).map { Float(Double($0) + $1) }
  }

  /// Folds y = scale · (x − mean) / √(variance + ε) + shift into weight and bias.
  mutating func fold(_ normalization: BatchNormalization, _ parameters: [Tensor]) {
    let (mean, variance) = (parameters[2].elements, parameters[3].elements)
    let factors = zip(parameters[0].elements, variance).map {
      Double($0) / (Double($1) + Double(normalization.epsilon)).squareRoot()
    }
    scale(by: factors)
    let shifts = zip(parameters[1].elements, zip(mean, factors)).map {
      Double($0) - Double($1.0) * $1.1
    }
    shift(by: shifts)
  }

  /// Folds an operation with a constant for each output channel.
  ///
  /// - Parameter constantIsFirst: Whether it is constant ∘ y instead of y ∘ constant.
  /// - Returns: Whether it could be.
  mutating func fold(
    _ operation: Elementwise, _ constant: [Float], constantIsFirst: Bool
  ) -> Bool {
    let values = constant.map(Double.init)
    switch (operation, constantIsFirst) {
    case (.add, _): shift(by: values)
    case (.subtract, false): shift(by: values.map { -$0 })
    case (.subtract, true):
      scale(by: values.map { _ in -1 })
      shift(by: values)
    case (.multiply, _): scale(by: values)
    case (.divide, false) where values.allSatisfy { (1 / Float($0)).isNormal }:
      scale(by: values.map { 1 / $0 })
    default: return false
    }
    return true
  }

  /// The output channel that an element of the weight belongs to.
  private func channel(of place: Int) -> Int {
    switch kind {
    case .convolution: return place / (weight.count / weight.shape[0])
    case .transposedConvolution(let operation):
      let slices = weight.shape[1]
      let slice = place / weight.shape[2...].reduce(1, *)
      return slice / slices / (weight.shape[0] / operation.groups) * slices + slice % slices
    case .product(true): return place / weight.shape[1]
    case .product(false): return place % weight.shape[1]
    }
  }
}

extension Tensor {
  /// The elements along an axis of an array of `rank` axes that this one broadcasts to, where it
  /// varies along no other; nil where it does.
  func vector(along axis: Int, extent: Int, rank: Int) -> [Float]? {
    guard self.rank <= rank, count == 1 || count == extent else { return nil }
    let padded = Array(repeating: 1, count: rank - self.rank) + shape
    guard count == 1 || padded[axis] == extent else { return nil }
    return count == 1 ? Array(repeating: elements[0], count: extent) : elements
  }
}
