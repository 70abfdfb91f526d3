import CKernels
import Tensors

/// The activation that a layer's output goes through, at the scale of the output itself.
///
/// With q = y + shift + shortcut, what follows depends on q clamped to lower…upper alone: for a
/// ReLU behind a BatchNormalization a (y − μ) + b, that is q = y − μ + b / a, clamped at 0 from
/// below if a > 0 and from above if a < 0.
public struct OutputClamp: Sendable, Hashable {
  /// By output channel.
  public var shift: [Float]
  public var lower: [Float]
  public var upper: [Float]

  public init(shift: [Float], lower: [Float], upper: [Float]) {
    precondition(
      shift.count == lower.count && shift.count == upper.count,
      "\(shift.count) shifts, \(lower.count) and \(upper.count) bounds")
    self.shift = shift
    self.lower = lower
    self.upper = upper
  }

  /// Whether an output is clamped at all. One that is not has its nearest weights from least squares.
  func isBounded(_ output: Int) -> Bool {
    lower[output] > -.infinity || upper[output] < .infinity
  }

  /// The z that minimises (clamp(t) − clamp(z))² + (z − y)².
  ///
  /// What the activation hides need not be met: a target below the bound is content with any z
  /// below it, so z stays near y, which the layer can give.
  ///
  /// The same as in the loops of C that move whole rows.
  static func nearest(to y: Float, target t: Float, lower: Float, upper: Float) -> Float {
    espalier_nearest(y, t, lower, upper)
  }
}
