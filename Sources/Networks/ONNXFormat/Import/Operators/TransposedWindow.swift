import NetworkGraph

/// The window of a transposed convolution, whose pads may follow from the extent of its output.
struct TransposedWindow {
  private let kernel: [Int]
  private let strides: [Int]
  private let dilations: [Int]
  private var padsBefore: [Int]
  private var padsAfter: [Int]
  private var outputPadding: [Int]

  init(_ node: NodeReader, kernel: [Int], x: Shape) throws {
    let rank = kernel.count
    self.kernel = kernel
    strides = try node.amounts("strides", count: rank, minimum: 1, default: 1)
    dilations = try node.amounts("dilations", count: rank, minimum: 1, default: 1)
    outputPadding = try node.amounts("output_padding", count: rank, minimum: 0, default: 0)
    let pads = try node.amounts("pads", count: 2 * rank, minimum: 0, default: 0)
    (padsBefore, padsAfter) = (Array(pads[..<rank]), Array(pads[rank...]))
    let mode = try node.text("auto_pad", default: "NOTSET")
    guard ["NOTSET", "", "VALID", "SAME_UPPER", "SAME_LOWER"].contains(mode) else {
      throw node.unknownPadding(mode)
    }
    let extents = x.dimensions[2...].map { $0.extent ?? 1 }
    if var shape = try node.integers("output_shape"), !shape.isEmpty {
      // Some files state batch and channels too.
      if shape.count == rank + 2 { shape.removeFirst(2) }
      guard shape.count == rank,
        shape.allSatisfy({ (1...NodeReader.maximumAttribute).contains($0) })
      else {
        throw node.failure(.invalidGraph, "attribute output_shape \(shape) does not fit x \(x)")
      }
      fit(shape, of: extents, oddGoesBefore: mode != "SAME_UPPER")
    } else if mode.hasPrefix("SAME") {
      fit(zip(extents, strides).map(*), of: extents, oddGoesBefore: mode != "SAME_UPPER")
    } else if mode == "VALID" {
      padsBefore = kernel.map { _ in 0 }
      padsAfter = padsBefore
    }
  }

  /// Chooses pads for an output of `shape`; what is missing is added at its end.
  private mutating func fit(_ shape: [Int], of extents: [Int], oddGoesBefore: Bool) {
    for axis in shape.indices {
      let whole =
        strides[axis] * (extents[axis] - 1) + outputPadding[axis]
        + dilations[axis] * (kernel[axis] - 1) + 1
      let total = max(whole - shape[axis], 0)
      outputPadding[axis] += max(shape[axis] - whole, 0)
      padsBefore[axis] = oddGoesBefore ? total - total / 2 : total / 2
      padsAfter[axis] = total - padsBefore[axis]
    }
  }

  func convolution(groups: Int) -> TransposedConvolution {
    TransposedConvolution(
      kernel: kernel, strides: strides, dilations: dilations, padsBefore: padsBefore,
      padsAfter: padsAfter, outputPadding: outputPadding, groups: groups)
  }
}
