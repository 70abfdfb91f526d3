import Tensors

/// What an activation that clamps its input between two bounds does to whole maps.
public struct ClampedMaps: Sendable {
  public let lower: Float
  public let upper: Float

  public init(lower: Float, upper: Float) {
    (self.lower, self.upper) = (lower, upper)
  }

  /// What values should change by so that, behind the activation, they are where others are; and by
  /// how much they miss it there, squared.
  ///
  /// What the activation hides need not be met; see ``OutputClamp``.
  public func residual(of values: Tensor, to target: Tensor) -> (residual: Tensor, loss: Double) {
    var residual = values
    var loss = 0.0
    target.elements.withUnsafeBufferPointer { target in
      residual.elements.withUnsafeMutableBufferPointer { values in
        for place in values.indices {
          let value = values[place]
          let wanted = min(max(target[place], lower), upper)
          let miss = wanted - min(max(value, lower), upper)
          loss += Double(miss * miss)
          let nearest = OutputClamp.nearest(
            to: value, target: wanted, lower: lower, upper: upper)
          values[place] = 2 * (nearest - value)
        }
      }
    }
    return (residual, loss)
  }

  /// A gradient behind the activation as one before it: zero where the activation does not move.
  public func gradient(_ gradient: Tensor, at values: Tensor) -> Tensor {
    var result = gradient
    values.elements.withUnsafeBufferPointer { values in
      result.elements.withUnsafeMutableBufferPointer { result in
        for place in result.indices where values[place] <= lower || values[place] >= upper {
          result[place] = 0
        }
      }
    }
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
    let (residual, _) = maps.residual(of: values, to: target)
    let scale = 1 / Float(stretch)
    for place in values.elements.indices {
      let (value, wanted) = (values.elements[place], residual.elements[place])
      // Nobody sees what else changes.
      guard wanted != 0 || (value > maps.lower && value < maps.upper) else { continue }
      let a = Double(scale * (first.elements[place] - value))
      let b = Double(second.elements[place] - value)
      aa += a * a
      ab += a * b
      bb += b * b
      ar += a * Double(wanted)
      br += b * Double(wanted)
    }
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
