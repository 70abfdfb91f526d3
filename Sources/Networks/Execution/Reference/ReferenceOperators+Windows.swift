import NetworkGraph
import Tensors

extension ReferenceOperators {
  /// y[n, o, p] = bias[o] + Σ_c Σ_k weight[o, c, k] · x[n, g·C/G + c, p·stride − pad + k·dilation].
  public static func convolution(
    _ operation: Convolution, _ x: Tensor, weight: Tensor, bias: Tensor?
  ) -> Tensor {
    let input = Array(x.shape[2...])
    let extents = input.indices.map { axis in
      let window = operation.dilations[axis] * (operation.kernel[axis] - 1) + 1
      let padded = input[axis] + operation.padsBefore[axis] + operation.padsAfter[axis]
      return (padded - window) / operation.strides[axis] + 1
    }
    let windows = Windows(
      outputs: extents, input: input, kernel: operation.kernel, strides: operation.strides,
      dilations: operation.dilations, padsBefore: operation.padsBefore,
      padsAfter: operation.padsAfter)
    let (images, channels, outputs) = (x.shape[0], weight.shape[1], weight.shape[0])
    let area = input.elementCount
    let kernelArea = operation.kernel.elementCount
    var result: [Float] = []
    result.reserveCapacity(images * outputs * extents.elementCount)
    for image in 0..<images {
      for output in 0..<outputs {
        let group = output / (outputs / operation.groups)
        let first = (image * operation.groups + group) * channels
        var sums = [Double](
          repeating: Double(bias?.elements[output] ?? 0), count: extents.elementCount)
        for channel in 0..<channels {
          let start = (first + channel) * area
          for (k, meetings) in windows.meetings.enumerated() {
            let factor = Double(weight.elements[(output * channels + channel) * kernelArea + k])
            for meeting in meetings {
              sums[meeting.output] += factor * Double(x.elements[start + meeting.input])
            }
          }
        }
        result.append(contentsOf: sums.map { Float($0) })
      }
    }
    return Tensor(shape: [images, outputs] + extents, elements: result)
  }

  /// y[n, o, p·stride − pad + k·dilation] = bias[o] + Σ_c Σ_k weight[c, o, k] · x[n, c, p].
  public static func transposedConvolution(
    _ operation: TransposedConvolution, _ x: Tensor, weight: Tensor, bias: Tensor?
  ) -> Tensor {
    let input = Array(x.shape[2...])
    let extents = input.indices.map { axis in
      operation.strides[axis] * (input[axis] - 1) + operation.outputPadding[axis]
        + operation.dilations[axis] * (operation.kernel[axis] - 1) + 1
        - operation.padsBefore[axis] - operation.padsAfter[axis]
    }
    // The convolution that this one transposes reads y and writes x.
    let windows = Windows(
      outputs: input, input: extents, kernel: operation.kernel, strides: operation.strides,
      dilations: operation.dilations, padsBefore: operation.padsBefore,
      padsAfter: operation.padsAfter)
    let (images, groups) = (x.shape[0], operation.groups)
    let (channels, outputs) = (x.shape[1] / groups, weight.shape[1])
    let area = input.elementCount
    let kernelArea = operation.kernel.elementCount
    var result: [Float] = []
    result.reserveCapacity(images * groups * outputs * extents.elementCount)
    for image in 0..<images {
      for output in 0..<groups * outputs {
        let first = output / outputs * channels
        var sums = [Double](
          repeating: Double(bias?.elements[output] ?? 0), count: extents.elementCount)
        for channel in first..<first + channels {
          let start = (image * groups * channels + channel) * area
          for (k, meetings) in windows.meetings.enumerated() {
            let place = (channel * outputs + output % outputs) * kernelArea + k
            let factor = Double(weight.elements[place])
            for meeting in meetings {
              sums[meeting.input] += factor * Double(x.elements[start + meeting.output])
            }
          }
        }
        result.append(contentsOf: sums.map { Float($0) })
      }
    }
    return Tensor(shape: [images, groups * outputs] + extents, elements: result)
  }

  /// The maximum or mean of every window; a window without any input gives 0.
  public static func pooling(_ operation: Pooling, _ x: Tensor) -> Tensor {
    let input = Array(x.shape[2...])
    var local = operation
    if operation.kernel == nil { local = Pooling(kind: operation.kind, kernel: input) }
    let kernel = local.kernel ?? input
    let extents = input.indices.map { axis in
      let padded = input[axis] + local.padsBefore[axis] + local.padsAfter[axis]
      let room = padded - (local.dilations[axis] * (kernel[axis] - 1) + 1)
      let steps = room / local.strides[axis]
      // A window that would start in the trailing pad is left out, as ONNX says.
      let hasPartial =
        local.roundsUp && room % local.strides[axis] != 0
        && (steps + 1) * local.strides[axis] < input[axis] + local.padsBefore[axis]
      return steps + (hasPartial ? 2 : 1)
    }
    let windows = Windows(
      outputs: extents, input: input, kernel: kernel, strides: local.strides,
      dilations: local.dilations, padsBefore: local.padsBefore, padsAfter: local.padsAfter)
    let planes = x.shape[0] * x.shape[1]
    var result: [Float] = []
    result.reserveCapacity(planes * extents.elementCount)
    for plane in 0..<planes {
      let start = plane * input.elementCount
      switch local.kind {
      case .maximum: result += maxima(windows, x.elements, from: start)
      case .average(let countsPadding):
        result += means(windows, x.elements, from: start, countsPadding: countsPadding)
      }
    }
    return Tensor(shape: Array(x.shape[..<2]) + extents, elements: result)
  }

  private static func maxima(_ windows: Windows, _ x: [Float], from start: Int) -> [Float] {
    var result = [Float?](repeating: nil, count: windows.paddedCounts.count)
    for meetings in windows.meetings {
      for meeting in meetings {
        let element = x[start + meeting.input]
        let greatest = result[meeting.output] ?? element
        result[meeting.output] = element > greatest || element.isNaN ? element : greatest
      }
    }
    return result.map { $0 ?? 0 }
  }

  private static func means(
    _ windows: Windows, _ x: [Float], from start: Int, countsPadding: Bool
  ) -> [Float] {
    var sums = [Double](repeating: 0, count: windows.paddedCounts.count)
    var counts = countsPadding ? windows.paddedCounts : sums.map { _ in 0 }
    for meetings in windows.meetings {
      for meeting in meetings {
        sums[meeting.output] += Double(x[start + meeting.input])
        if !countsPadding { counts[meeting.output] += 1 }
      }
    }
    return zip(sums, counts).map { Float($0 / Double(max(1, $1))) }
  }
}
