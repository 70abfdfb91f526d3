import Execution
import NetworkGraph

/// An array of a program: a buffer of the arena and how it is laid out there.
struct Place {
  /// The caller's input is buffer 0, which is never written.
  var buffer: Int
  var layout: Layout
}

/// One thing a program does, before its buffers have addresses.
enum Instruction {
  /// What a primitive reads or writes.
  enum Operand {
    case place(Place)
    case constant(AlignedStorage, Layout)
  }
  typealias Kernel =
    (_ operands: [UnsafeMutablePointer<Float>], _ result: inout ExecutionResult) throws -> Void

  case primitive(Primitive, [(Argument, Operand)])
  /// A loop of our own over buffers.
  case kernel([Int], Kernel)
  /// Copies a value to the result, row-major.
  case output(ValueID, Place, shape: [Int])

  /// The arena's buffers that it touches.
  var buffers: [Int] {
    switch self {
    case .primitive(_, let operands):
      operands.compactMap { if case .place(let place) = $1 { place.buffer } else { nil } }
    case .kernel(let buffers, _): buffers
    case .output(_, let place, _): [place.buffer]
    }
  }
}

/// Instructions in order, with the sizes of their buffers.
struct UnplacedProgram {
  var instructions: [Instruction]
  /// Bytes, by buffer.
  var bufferSizes: [Int]
}
