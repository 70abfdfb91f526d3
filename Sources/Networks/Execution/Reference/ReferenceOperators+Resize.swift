import NetworkGraph
import Tensors

extension ReferenceOperators {
  /// x sampled at other extents, one axis after the other.
  ///
  /// Reference: ONNX `Resize`, `onnx.reference.ops.op_resize`.
  public static func resize(_ operation: Resize, _ x: Tensor) -> Tensor {
    var shape = x.shape
    var elements = x.elements.map { Double($0) }
    for axis in shape.indices where !operation.leaves(axis, of: Shape(shape)) {
      let sampling = Sampling(operation, axis: axis, extent: shape[axis])
      let inner = shape[(axis + 1)...].reduce(1, *)
      let outer = shape[..<axis].reduce(1, *)
      var result = [Double](repeating: 0, count: outer * sampling.taps.count * inner)
      for block in 0..<outer {
        for (output, taps) in sampling.taps.enumerated() {
          let target = (block * sampling.taps.count + output) * inner
          for tap in taps {
            let source = (block * shape[axis] + tap.index) * inner
            for place in 0..<inner {
              result[target + place] += tap.weight * elements[source + place]
            }
          }
        }
      }
      elements = result
      shape[axis] = sampling.taps.count
    }
    return Tensor(shape: shape, elements: elements.map { Float($0) })
  }
}

/// Which elements along an axis make up each element of the resized one.
private struct Sampling {
  struct Tap {
    var index: Int
    var weight: Double
  }

  /// By output index.
  private(set) var taps: [[Tap]] = []
  private let operation: Resize
  private let extent: Int
  private let size: Int
  private let scale: Double

  init(_ operation: Resize, axis: Int, extent: Int) {
    self.operation = operation
    self.extent = extent
    let written = operation.scales[axis]
    size = operation.sizes[axis] ?? Int((Float(extent) * written).rounded(.down))
    // A scale that stands for an extent is meant exactly, not as the nearest float.
    scale =
      Float(size) / Float(extent) == written && operation.sizes[axis] != nil
      ? Double(size) / Double(extent) : Double(written)
    taps = (0..<size).map { taps(at: place(of: Double($0))) }
  }

  /// Where an output index lies among the input's.
  private func place(of output: Double) -> Double {
    let width = scale * Double(extent)
    switch operation.coordinates {
    case .halfPixel: return (output + 0.5) / scale - 0.5
    case .halfPixelSymmetric:
      // The centre of x is mapped to the centre of the output as it is, not as scaled.
      let offset = Double(extent) / 2 * (1 - Double(size) / width)
      return offset + (output + 0.5) / scale - 0.5
    case .pytorchHalfPixel: return width == 1 ? -0.5 : (output + 0.5) / scale - 0.5
    case .alignCorners:
      return width == 1 ? 0 : output * Double(extent - 1) / (width - 1)
    case .asymmetric: return output / scale
    }
  }

  private func taps(at place: Double) -> [Tap] {
    switch operation.mode {
    case .nearest(let rounding):
      let nearest =
        switch rounding {
        case .roundPreferFloor: (place - 0.5).rounded(.up)
        case .roundPreferCeiling: (place + 0.5).rounded(.down)
        case .floor: place.rounded(.down)
        case .ceiling: place.rounded(.up)
        }
      return [Tap(index: clamped(Int(nearest)), weight: 1)]
    case .linear: return taps(at: place, radius: 1) { max(0, 1 - $0) }
    case .cubic(let coefficient):
      return taps(at: place, radius: 2) { Self.cubic($0, Double(coefficient)) }
    }
  }

  /// The taps within `radius` of a place, weighted by a filter of their distance; both are widened
  /// by the scale where x shrinks and aliasing is to be avoided.
  private func taps(
    at place: Double, radius: Double, filter: (_ distance: Double) -> Double
  ) -> [Tap] {
    let widening = operation.antialiases ? min(scale, 1) : 1
    let reach = radius / widening
    let indices = Int((place - reach).rounded(.up))...Int((place + reach).rounded(.down))
    var found = indices.map {
      Tap(index: $0, weight: filter(abs(Double($0) - place) * widening))
    }
    found.removeAll {
      $0.weight == 0 || operation.excludesOutside && !(0..<extent).contains($0.index)
    }
    let total = found.reduce(0) { $0 + $1.weight }
    return found.map { Tap(index: clamped($0.index), weight: $0.weight / total) }
  }

  /// The cubic convolution kernel at a distance of 0…2.
  ///
  /// Reference: Keys, IEEE Trans. ASSP 1981.
  private static func cubic(_ distance: Double, _ a: Double) -> Double {
    let d = distance
    return d <= 1
      ? ((a + 2) * d - (a + 3)) * d * d + 1
      : d < 2 ? ((a * d - 5 * a) * d + 8 * a) * d - 4 * a : 0
  }

  private func clamped(_ index: Int) -> Int { min(max(index, 0), extent - 1) }
}
