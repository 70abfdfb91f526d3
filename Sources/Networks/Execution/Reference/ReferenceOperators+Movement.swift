import NetworkGraph
import Tensors

/// Operators that only move elements.
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

  /// Values one after the other along an axis.
  public static func concat(_ operation: Concat, _ values: [Tensor]) -> Tensor {
    var shape = values[0].shape
    shape[operation.axis] = values.reduce(0) { $0 + $1.shape[operation.axis] }
    let outer = shape[..<operation.axis].reduce(1, *)
    var result: [Float] = []
    result.reserveCapacity(shape.elementCount)
    for block in 0..<outer {
      for value in values {
        let size = value.count / outer
        result.append(contentsOf: value.elements[block * size..<(block + 1) * size])
      }
    }
    return Tensor(shape: shape, elements: result)
  }

  /// Axis i of the result is axis `permutation[i]` of x.
  public static func transpose(_ x: Tensor, _ permutation: [Int]) -> Tensor {
    let shape = permutation.map { x.shape[$0] }
    let strides = x.shape.rowMajorStrides
    let positions = shape.positions(strides: permutation.map { strides[$0] })
    return Tensor(shape: shape, elements: positions.map { x.elements[$0] })
  }

  /// x within a border.
  public static func pad(_ operation: Pad, _ x: Tensor) -> Tensor {
    let (before, after) = (operation.before, operation.after)
    let shape = x.shape.indices.map { before[$0] + x.shape[$0] + after[$0] }
    if case .constant(let value) = operation.mode {
      let strides = shape.rowMajorStrides
      let inside = [Int].positions(
        alongAxes: shape.indices.map { axis in
          (before[axis]..<before[axis] + x.shape[axis]).map { $0 * strides[axis] }
        })
      var result = Tensor(shape: shape, repeating: value)
      for (position, element) in zip(inside, x.elements) { result.elements[position] = element }
      return result
    }
    let strides = x.shape.rowMajorStrides
    let sources = [Int].positions(
      alongAxes: shape.indices.map { axis in
        (-before[axis]..<x.shape[axis] + after[axis]).map {
          source(of: $0, extent: x.shape[axis], operation.mode) * strides[axis]
        }
      })
    return Tensor(shape: shape, elements: sources.map { x.elements[$0] })
  }

  /// The index inside an axis that a place of its border repeats.
  private static func source(of place: Int, extent: Int, _ mode: Pad.Mode) -> Int {
    switch mode {
    case .reflect:
      let mirrored = abs(place)
      return mirrored < extent ? mirrored : 2 * (extent - 1) - mirrored
    case .wrap: return (place + extent) % extent
    case .edge, .constant: return min(max(place, 0), extent - 1)
    }
  }

  /// Blocks of channels spread over rows and columns.
  public static func depthToSpace(_ operation: DepthToSpace, _ x: Tensor) -> Tensor {
    let (size, channels) = (operation.size, x.shape[1] / (operation.size * operation.size))
    let (height, width) = (x.shape[2], x.shape[3])
    let spread =
      operation.placesAreFast
      ? transpose(
        x.reshaped([x.shape[0], channels, size, size, height, width]), [0, 1, 4, 2, 5, 3])
      : transpose(
        x.reshaped([x.shape[0], size, size, channels, height, width]), [0, 3, 4, 1, 5, 2])
    return spread.reshaped([x.shape[0], channels, height * size, width * size])
  }

  /// Blocks of pixels stacked as channels.
  public static func spaceToDepth(_ operation: SpaceToDepth, _ x: Tensor) -> Tensor {
    let (size, channels) = (operation.size, x.shape[1])
    let (height, width) = (x.shape[2] / operation.size, x.shape[3] / operation.size)
    let blocks = x.reshaped([x.shape[0], channels, height, size, width, size])
    return transpose(blocks, [0, 3, 5, 1, 2, 4])
      .reshaped([x.shape[0], channels * size * size, height, width])
  }
}
