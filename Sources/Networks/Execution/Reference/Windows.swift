import Tensors

/// The windows of a convolution or pooling, by place of the kernel: which output position meets
/// which input position there.
struct Windows {
  /// Row-major positions in the output's and the input's spatial extents.
  struct Meeting {
    var output: Int
    var input: Int
  }

  /// By row-major place of the kernel; meetings in the padding are left out.
  private(set) var meetings: [[Meeting]] = [[Meeting(output: 0, input: 0)]]
  /// By output position: kernel places inside the padded input.
  private(set) var paddedCounts = [1]

  /// - Parameter outputs: The output's spatial extents.
  init(
    outputs: [Int], input: [Int], kernel: [Int], strides: [Int], dilations: [Int],
    padsBefore: [Int], padsAfter: [Int]
  ) {
    for axis in outputs.indices {
      func place(_ output: Int, _ kernel: Int) -> Int {
        output * strides[axis] - padsBefore[axis] + kernel * dilations[axis]
      }
      let own = (0..<kernel[axis]).map { k in
        (0..<outputs[axis]).map { Meeting(output: $0, input: place($0, k)) }
          .filter { (0..<input[axis]).contains($0.input) }
      }
      meetings = meetings.flatMap { earlier in
        own.map { later in
          earlier.flatMap { a in
            later.map { b in
              Meeting(
                output: a.output * outputs[axis] + b.output,
                input: a.input * input[axis] + b.input)
            }
          }
        }
      }
      let end = input[axis] + padsAfter[axis]
      let counts = (0..<outputs[axis]).map { output in
        (0..<kernel[axis]).count { place(output, $0) < end }
      }
      paddedCounts = paddedCounts.flatMap { count in counts.map { count * $0 } }
    }
  }
}
