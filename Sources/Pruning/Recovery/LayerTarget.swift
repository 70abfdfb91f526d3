import Tensors

/// What a layer should put out so that the network is where the dense one is.
public struct LayerTarget: Sendable {
  /// y = alpha · W u + beta · b: what of a layer's output is not W u.
  public struct Constant: Sendable {
    public var alpha: Float
    public var beta: Float
    /// b; empty where there is none, one element where all outputs share it.
    public var elements: [Float]

    public init(alpha: Float = 1, beta: Float = 1, elements: [Float] = []) {
      self.alpha = alpha
      self.beta = beta
      self.elements = elements
    }
  }

  /// What W u should be, `[n, O, …]`.
  public private(set) var target: Tensor
  /// What the pruned network adds to it, at the scale of the layer's output; nil if nothing.
  public private(set) var shortcut: Tensor?

  /// - Parameters:
  ///   - dense: The layer's output in the dense network, on the channels that are left.
  ///   - shortcuts: What is added to the output in both networks: the target takes the loss in.
  ///   - factors: By channel, from a difference at the sum to one at the layer's output.
  public init(
    dense: Tensor, shortcuts: (dense: Tensor, own: Tensor)?, factors: [Float], constant: Constant
  ) {
    target = dense
    let channels = dense.shape.count > 1 ? dense.shape[1] : 1
    let inner = dense.shape.dropFirst(2).reduce(1, *)
    if let shortcuts, shortcuts.own.count == dense.count, shortcuts.dense.count == dense.count {
      var own = shortcuts.own
      let (theirs, count) = (shortcuts.dense.elements, dense.count)
      target.elements.withUnsafeMutableBufferPointer { target in
        own.elements.withUnsafeMutableBufferPointer { own in
          for row in 0..<count / max(inner, 1) {
            let factor = factors[row % channels]
            for place in row * inner..<(row + 1) * inner {
              target[place] += factor * (theirs[place] - own[place])
              own[place] *= factor
            }
          }
        }
      }
      shortcut = own
    }
    guard !constant.elements.isEmpty || constant.alpha != 1 else { return }
    for place in target.elements.indices {
      let channel = constant.elements.count == 1 ? 0 : place / inner % channels
      let b = constant.elements.isEmpty ? 0 : constant.elements[channel]
      target.elements[place] = (target.elements[place] - constant.beta * b) / constant.alpha
    }
  }
}
