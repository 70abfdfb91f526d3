import LinearAlgebra
import Tensors

/// What a layer should put out so that the network is where the dense one is.
///
/// That is what the dense layer puts out; where something is added to the output, less what the
/// pruned network's is off there.
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

  /// By output, from a difference where something is added to one at the layer's output.
  private let factors: [Float]
  private let constant: Constant

  /// - Parameters:
  ///   - factors: By output.
  ///   - constant: What the layer's own output holds.
  public init(factors: [Float], constant: Constant = Constant()) {
    (self.factors, self.constant) = (factors, constant)
  }

  /// Makes of rows that hold outputs of the dense layer what W u should be.
  ///
  /// - Parameters:
  ///   - outputs: Where those begin.
  ///   - shortcuts: Where that begins which is added to them, in the dense network and in the pruned
  ///     one, if anything is; the pruned one's is brought to the scale of the layer's output.
  func write(
    to block: inout FloatRows, rows: Int, outputs: Int, shortcuts: (dense: Int, own: Int)?
  ) {
    let rowLength = block.rowLength
    block.elements.withUnsafeMutableBufferPointer { block in
      guard let first = block.baseAddress else { return }
      for row in 0..<rows {
        let row = first + row &* rowLength
        let target = row + outputs
        if let shortcuts {
          let (theirs, own) = (row + shortcuts.dense, row + shortcuts.own)
          for (output, factor) in factors.enumerated() {
            target[output] += factor * (theirs[output] - own[output])
            own[output] *= factor
          }
        }
        guard !constant.elements.isEmpty || constant.alpha != 1 else { continue }
        for output in factors.indices {
          let b =
            constant.elements.isEmpty
            ? 0 : constant.elements[constant.elements.count == 1 ? 0 : output]
          target[output] = (target[output] - constant.beta * b) / constant.alpha
        }
      }
    }
  }
}
