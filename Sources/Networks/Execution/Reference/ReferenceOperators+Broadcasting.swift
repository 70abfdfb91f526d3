import Foundation
import NetworkGraph
import Tensors

extension ReferenceOperators {
  /// An elementwise function of two values, axes aligned at the last and extents of 1 repeated.
  ///
  /// As in NumPy, the lesser and the greater of a number and NaN are NaN.
  public static func elementwise(_ operation: Elementwise, _ a: Tensor, _ b: Tensor) -> Tensor {
    switch operation {
    case .add: broadcast(a, b, +)
    case .subtract: broadcast(a, b, -)
    case .multiply: broadcast(a, b, *)
    case .divide: broadcast(a, b, /)
    case .minimum: broadcast(a, b) { $0 < $1 || $0.isNaN ? $0 : $1 }
    case .maximum: broadcast(a, b) { $0 > $1 || $0.isNaN ? $0 : $1 }
    case .power: broadcast(a, b) { pow($0, $1) }
    }
  }

  /// max(x, 0) + slope · min(x, 0).
  public static func parametricRelu(_ x: Tensor, slope: Tensor) -> Tensor {
    broadcast(x, slope) { $0 < 0 ? $0 * $1 : $0 }
  }

  /// x repeated up to a shape.
  public static func expand(_ x: Tensor, to shape: [Int]) -> Tensor {
    guard x.shape != shape else { return x }
    let positions = shape.positions(strides: x.shape.strides(broadcastTo: shape))
    return Tensor(shape: shape, elements: positions.map { x.elements[$0] })
  }

  /// A function of the elements that meet where two values are broadcast.
  private static func broadcast(
    _ a: Tensor, _ b: Tensor, _ function: (Double, Double) -> Double
  ) -> Tensor {
    let shape = a.shape.broadcast(with: b.shape)
    let (left, right) = (expand(a, to: shape), expand(b, to: shape))
    return Tensor(
      shape: shape,
      elements: zip(left.elements, right.elements).map {
        Float(function(Double($0), Double($1)))
      })
  }
}
