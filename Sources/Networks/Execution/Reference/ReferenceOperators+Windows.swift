import NetworkGraph
import Tensors

/// The windows of a convolution or pooling: for every output position, the input it reads.
struct Windows {
  /// A place of the kernel and the input position it meets, both row-major.
  struct Contact {
    var kernel: Int
    var input: Int
  }

  /// The output's spatial extents.
  let extents: [Int]
  /// Contacts with real input, by output position.
  private(set) var contacts: [[Contact]] = []
  /// Kernel places inside the padded input, by output position.
  private(set) var paddedCounts: [Int] = []

  init(
    input: [Int], kernel: [Int], strides: [Int], dilations: [Int], padsBefore: [Int],
    padsAfter: [Int], roundsUp: Bool = false
  ) {
    extents = input.indices.map { axis in
      let padded = input[axis] + padsBefore[axis] + padsAfter[axis]
      let room = padded - (dilations[axis] * (kernel[axis] - 1) + 1)
      let steps = room / strides[axis]
      // A window that would start in the trailing pad is left out, as ONNX says.
      let hasPartial =
        roundsUp && room % strides[axis] != 0
        && (steps + 1) * strides[axis] < input[axis] + padsBefore[axis]
      return steps + (hasPartial ? 2 : 1)
    }
    for position in 0..<extents.elementCount {
      let output = extents.coordinates(of: position)
      var found: [Contact] = []
      var padded = 0
      for place in 0..<kernel.elementCount {
        let offset = kernel.coordinates(of: place)
        let at = input.indices.map {
          output[$0] * strides[$0] - padsBefore[$0] + offset[$0] * dilations[$0]
        }
        if at.indices.allSatisfy({ at[$0] < input[$0] + padsAfter[$0] }) { padded += 1 }
        if at.indices.allSatisfy({ (0..<input[$0]).contains(at[$0]) }) {
          found.append(Contact(kernel: place, input: input.position(of: at)))
        }
      }
      contacts.append(found)
      paddedCounts.append(padded)
    }
  }
}

extension [Int] {
  /// The coordinates of a row-major position in an array of this shape.
  func coordinates(of position: Int) -> [Int] {
    var rest = position
    var result = self
    for axis in indices.reversed() {
      result[axis] = rest % self[axis]
      rest /= self[axis]
    }
    return result
  }

  /// The row-major position of coordinates in an array of this shape.
  func position(of coordinates: [Int]) -> Int {
    var position = 0
    for axis in indices { position = position * self[axis] + coordinates[axis] }
    return position
  }
}

extension ReferenceOperators {
  /// y[n, o, p] = bias[o] + Σ_c Σ_k weight[o, c, k] · x[n, g·C/G + c, p·stride − pad + k·dilation].
  public static func convolution(
    _ operation: Convolution, _ x: Tensor, weight: Tensor, bias: Tensor?
  ) -> Tensor {
    let windows = Windows(
      input: Array(x.shape[2...]), kernel: operation.kernel, strides: operation.strides,
      dilations: operation.dilations, padsBefore: operation.padsBefore,
      padsAfter: operation.padsAfter)
    let (images, channels, outputs) = (x.shape[0], weight.shape[1], weight.shape[0])
    let area = x.shape[2...].reduce(1, *)
    let kernelArea = operation.kernel.elementCount
    var result: [Float] = []
    result.reserveCapacity(images * outputs * windows.contacts.count)
    for image in 0..<images {
      for output in 0..<outputs {
        let group = output / (outputs / operation.groups)
        let start = (image * channels * operation.groups + group * channels) * area
        for contacts in windows.contacts {
          var sum = Double(bias?.elements[output] ?? 0)
          for channel in 0..<channels {
            let weights = (output * channels + channel) * kernelArea
            let inputs = start + channel * area
            for contact in contacts {
              sum +=
                Double(weight.elements[weights + contact.kernel])
                * Double(x.elements[inputs + contact.input])
            }
          }
          result.append(Float(sum))
        }
      }
    }
    return Tensor(shape: [images, outputs] + windows.extents, elements: result)
  }

  /// The maximum or mean of every window; a window without any input gives 0.
  public static func pooling(_ operation: Pooling, _ x: Tensor) -> Tensor {
    let spatial = Array(x.shape[2...])
    let ones = spatial.map { _ in 1 }
    let zeros = spatial.map { _ in 0 }
    let isGlobal = operation.kernel == nil
    let kernel = operation.kernel ?? spatial
    let windows = Windows(
      input: spatial, kernel: kernel, strides: isGlobal ? ones : operation.strides,
      dilations: ones, padsBefore: isGlobal ? zeros : operation.padsBefore,
      padsAfter: isGlobal ? zeros : operation.padsAfter, roundsUp: operation.roundsUp)
    let area = spatial.elementCount
    var result: [Float] = []
    for plane in 0..<x.shape[0] * x.shape[1] {
      for (contacts, padded) in zip(windows.contacts, windows.paddedCounts) {
        let inputs = contacts.map { x.elements[plane * area + $0.input] }
        switch operation.kind {
        case .maximum: result.append(inputs.max() ?? 0)
        case .average(let countsPadding):
          let count = max(1, countsPadding ? padded : inputs.count)
          result.append(Float(inputs.reduce(0.0) { $0 + Double($1) } / Double(count)))
        }
      }
    }
    return Tensor(shape: Array(x.shape[..<2]) + windows.extents, elements: result)
  }
}
