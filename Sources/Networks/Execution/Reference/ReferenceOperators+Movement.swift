import NetworkGraph
import Tensors

extension ReferenceOperators {
  /// Axes before `axis` become one, the others another.
  public static func flatten(_ operation: Flatten, _ x: Tensor) -> Tensor {
    let rows = x.shape[..<operation.axis].reduce(1, *)
    return x.reshaped([rows, x.shape[operation.axis...].reduce(1, *)])
  }

  /// The indices of each range, axis by axis.
  public static func slice(_ operation: Slice, _ x: Tensor) -> Tensor {
    operation.ranges.reduce(x) { $0.gathering($1.indices, axis: $1.axis) }
  }

  /// x within a border of a constant.
  public static func pad(_ operation: Pad, _ x: Tensor) -> Tensor {
    let shape = x.shape.indices.map { operation.before[$0] + x.shape[$0] + operation.after[$0] }
    guard case .constant(let value) = operation.mode else { return x }
    var result = Tensor(shape: shape, repeating: value)
    for position in 0..<x.count {
      let at = zip(x.shape.coordinates(of: position), operation.before).map { $0 + $1 }
      result.elements[shape.position(of: at)] = x.elements[position]
    }
    return result
  }
}
