import Foundation
import NetworkGraph
import Tensors

extension ReferenceOperators {
  /// A sum, mean or extreme over axes.
  public static func reduction(_ operation: Reduction, _ x: Tensor) -> Tensor {
    let isReduced = x.shape.indices.map { operation.axes.contains($0) }
    let strides = x.shape.rowMajorStrides
    func positions(_ wanted: Bool) -> [Int] {
      let axes = x.shape.indices.filter { isReduced[$0] == wanted }
      return axes.map { x.shape[$0] }.positions(strides: axes.map { strides[$0] })
    }
    let (kept, reduced) = (positions(false), positions(true))
    let elements = kept.map { start in
      Float(reduce(reduced.lazy.map { Double(x.elements[start + $0]) }, operation.kind))
    }
    let shape = x.shape.enumerated().compactMap { axis, extent in
      isReduced[axis] ? (operation.keepsAxes ? 1 : nil) : extent
    }
    return Tensor(shape: shape, elements: elements)
  }

  private static func reduce(
    _ values: some Collection<Double>, _ kind: Reduction.Kind
  ) -> Double {
    switch kind {
    case .mean: sum(values) { $0 } / Double(values.count)
    case .sum: sum(values) { $0 }
    case .maximum: greatest(values)
    case .minimum: -greatest(values.lazy.map { -$0 })
    case .product: values.reduce(1, *)
    case .l1: sum(values) { abs($0) }
    case .l2: sum(values) { $0 * $0 }.squareRoot()
    case .sumOfSquares: sum(values) { $0 * $0 }
    case .logSum: log(sum(values) { $0 })
    case .logSumExp: logSumExp(values)
    }
  }

  private static func sum(
    _ values: some Collection<Double>, of term: (Double) -> Double
  ) -> Double { values.reduce(0) { $0 + term($1) } }

  /// The greatest value, NaN where one is; −∞ of none.
  private static func greatest(_ values: some Collection<Double>) -> Double {
    values.reduce(-Double.infinity) { $1 > $0 || $1.isNaN ? $1 : $0 }
  }

  /// log Σ eˣ, without leaving the range of numbers on the way.
  private static func logSumExp(_ values: some Collection<Double>) -> Double {
    let greatest = greatest(values)
    let offset = greatest.isFinite ? greatest : 0
    return offset + log(sum(values) { exp($0 - offset) })
  }

  /// The place of the greatest or least element along an axis.
  public static func argMax(_ operation: ArgMax, _ x: Tensor) -> Tensor {
    let lines = Lines(x.shape, axis: operation.axis)
    let places = (0..<lines.count).map { line -> Float in
      let values = lines.positions(of: line).map {
        operation.isMinimum ? -x.elements[$0] : x.elements[$0]
      }
      var best = 0
      for place in values.indices
      where values[place] > values[best]
        || (operation.selectsLast && values[place] == values[best])
      { best = place }
      return Float(best)
    }
    var shape = x.shape
    if operation.keepsAxis {
      shape[operation.axis] = 1
    } else {
      shape.remove(at: operation.axis)
    }
    return Tensor(shape: shape, elements: places)
  }

  /// exp(x) / Σ exp(x) along one axis, or its logarithm.
  public static func softmax(_ operation: Softmax, _ x: Tensor) -> Tensor {
    let lines = Lines(x.shape, axis: operation.axis)
    var result = x.elements
    for line in 0..<lines.count {
      let values = lines.positions(of: line).map { Double(x.elements[$0]) }
      let total = logSumExp(values)
      for (place, value) in zip(lines.positions(of: line), values) {
        result[place] = Float(operation.isLogarithm ? value - total : exp(value - total))
      }
    }
    return Tensor(shape: x.shape, elements: result)
  }
}

/// The lines of an array that run along one axis.
private struct Lines {
  let count: Int
  private let extent: Int
  private let inner: Int

  init(_ shape: [Int], axis: Int) {
    extent = shape[axis]
    inner = shape[(axis + 1)...].reduce(1, *)
    count = shape[..<axis].reduce(1, *) * inner
  }

  func positions(of line: Int) -> StrideTo<Int> {
    let start = line / inner * extent * inner + line % inner
    return stride(from: start, to: start + extent * inner, by: inner)
  }
}
