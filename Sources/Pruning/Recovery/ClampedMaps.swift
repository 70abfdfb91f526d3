import CKernels
import Tensors

/// What an activation that clamps its input between two bounds does to whole maps.
public struct ClampedMaps: Sendable {
  public let lower: Float
  public let upper: Float

  public init(lower: Float, upper: Float) {
    (self.lower, self.upper) = (lower, upper)
  }

  /// What values should change by so that, behind the activation, they are where others are.
  ///
  /// What the activation hides need not be met; see ``OutputClamp``.
  public func residual(of values: Tensor, to target: Tensor) -> Tensor {
    precondition(values.count == target.count)
    var residual = values
    espalier_residual(&residual.elements, target.elements, values.count, lower, upper)
    return residual
  }

  /// By how much values miss others behind the activation, squared.
  public func loss(of values: Tensor, to target: Tensor) -> Double {
    let (lower, upper) = (lower, upper)
    return values.elements.withUnsafeBufferPointer { values in
      target.elements.withUnsafeBufferPointer { target in
        values.indices.reduce(0.0) { sum, place in
          let miss =
            min(max(target[place], lower), upper) - min(max(values[place], lower), upper)
          return sum + Double(miss * miss)
        }
      }
    }
  }

  /// What is left of values behind the activation, squared.
  public func power(of values: Tensor) -> Double {
    values.elements.reduce(0.0) {
      let seen = Double(min(max($1, lower), upper))
      return $0 + seen * seen
    }
  }

  /// A gradient behind the activation as one before it: zero where the activation does not move.
  public func gradient(_ gradient: Tensor, at values: Tensor) -> Tensor {
    precondition(gradient.count == values.count)
    var result = gradient
    espalier_hide(&result.elements, values.elements, values.count, lower, upper)
    return result
  }
}

/// How far to go along two directions at once: least squares on what each changes, to first order.
public struct StepLengths: Sendable {
  private let maps: ClampedMaps
  private var (aa, ab, bb) = (0.0, 0.0, 0.0)
  private var (ar, br) = (0.0, 0.0)

  public init(_ maps: ClampedMaps) { self.maps = maps }

  /// Adds samples.
  ///
  /// - Parameters:
  ///   - values: Before the activation.
  ///   - first: What they become some way along the first direction.
  ///   - stretch: How far along.
  ///   - second: What they become with the whole second direction.
  public mutating func add(
    _ values: Tensor, first: Tensor, stretch: Double, second: Tensor, target: Tensor
  ) {
    let residual = maps.residual(of: values, to: target).elements
    let scale = 1 / Float(stretch)
    let (values, first, second) = (values.elements, first.elements, second.elements)
    for place in values.indices {
      let (value, wanted) = (values[place], residual[place])
      // Nobody sees what else changes.
      guard wanted != 0 || (value > maps.lower && value < maps.upper) else { continue }
      let a = Double(scale * (first[place] - value))
      let b = Double(second[place] - value)
      aa += a * a
      ab += a * b
      bb += b * b
      ar += a * Double(wanted)
      br += b * Double(wanted)
    }
  }

  /// What was added here and there.
  public func adding(_ other: StepLengths) -> StepLengths {
    var sum = self
    sum.aa += other.aa
    sum.ab += other.ab
    sum.bb += other.bb
    sum.ar += other.ar
    sum.br += other.br
    return sum
  }

  /// The lengths of both; NaN where nothing was added or nothing changes.
  public var lengths: [Double] {
    // Nearly parallel changes share the way.
    let (aa, bb) = (self.aa * (1 + 1e-6), self.bb * (1 + 1e-6))
    let determinant = aa * bb - ab * ab
    guard determinant > 0 else { return [ar / aa, 0] }
    return [(ar * bb - br * ab) / determinant, (br * aa - ar * ab) / determinant]
  }
}
