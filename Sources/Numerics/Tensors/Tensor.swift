/// A dense array of 32-bit floats in row-major order, with value semantics.
///
/// The last axis varies fastest. A tensor of shape `[]` is a scalar with one element.
public struct Tensor: Sendable, Hashable {
  /// The extent of every axis.
  public let shape: [Int]
  /// The elements in row-major order; `elements.count` is the product of `shape`.
  public var elements: [Float]

  /// Wraps elements that are already in row-major order.
  ///
  /// - Precondition: `elements.count` is the product of `shape`.
  public init(shape: [Int], elements: [Float]) {
    precondition(
      elements.count == shape.elementCount,
      "\(elements.count) elements do not fill a tensor of shape \(shape)")
    self.shape = shape
    self.elements = elements
  }

  /// A tensor with every element equal to `value`.
  public init(shape: [Int], repeating value: Float = 0) {
    self.init(shape: shape, elements: Array(repeating: value, count: shape.elementCount))
  }

  /// Tensors one after the other along their first axis.
  ///
  /// - Precondition: There is one at least, and all have the same other axes.
  public init(joining parts: [Tensor]) {
    let inner = parts[0].shape.dropFirst()
    precondition(
      parts.allSatisfy { $0.shape.dropFirst() == inner }, "shapes \(parts.map(\.shape)) differ")
    self.init(
      shape: [parts.reduce(0) { $0 + $1.shape[0] }] + inner, elements: parts.flatMap(\.elements))
  }

  /// The number of axes.
  public var rank: Int { shape.count }

  /// The number of elements.
  public var count: Int { elements.count }

  /// The same elements under another shape.
  ///
  /// - Precondition: Both shapes hold the same number of elements.
  public func reshaped(_ shape: [Int]) -> Tensor { Tensor(shape: shape, elements: elements) }

  /// The slices at `indices` along `axis`, in the order given.
  ///
  /// - Complexity: O(elements of the result).
  public func gathering(_ indices: [Int], axis: Int) -> Tensor {
    let outer = shape[..<axis].reduce(1, *)
    let inner = shape[(axis + 1)...].reduce(1, *)
    let extent = shape[axis]
    var result: [Float] = []
    result.reserveCapacity(outer * indices.count * inner)
    precondition(
      indices.allSatisfy((0..<extent).contains), "\(indices) outside axis \(axis) of \(shape)")
    if inner == 1 {
      // Single elements, of channels that lie last: a call for each would take far longer.
      elements.withUnsafeBufferPointer { elements in
        for block in 0..<outer {
          for index in indices { result.append(elements[block &* extent &+ index]) }
        }
      }
    } else {
      for block in 0..<outer {
        for index in indices {
          let start = (block * extent + index) * inner
          result.append(contentsOf: elements[start..<start + inner])
        }
      }
    }
    var gathered = shape
    gathered[axis] = indices.count
    return Tensor(shape: gathered, elements: result)
  }

  /// Rows and columns exchanged.
  ///
  /// - Precondition: There are two axes.
  public var transposed: Tensor {
    precondition(rank == 2, "a tensor of shape \(shape) has no rows and columns")
    let (rows, columns) = (shape[0], shape[1])
    var result = Tensor(shape: [columns, rows])
    for row in 0..<rows {
      for column in 0..<columns {
        result.elements[column * rows + row] = elements[row * columns + column]
      }
    }
    return result
  }
}

extension [Int] {
  /// The number of elements an array of this shape holds.
  public var elementCount: Int { reduce(1, *) }
}
