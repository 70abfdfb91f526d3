import Execution
import NetworkGraph

/// An array of a program: a buffer and how it is laid out there.
struct Place {
  /// The first buffers are the caller's inputs, which are never written; the others lie in the
  /// arena, or become results.
  var buffer: Int
  var layout: Layout
}

/// One thing a program does, before its buffers have addresses.
enum Instruction {
  /// What a primitive reads or writes.
  enum Operand {
    case place(Place)
    case constant(AlignedStorage, Layout)

    var layout: Layout {
      switch self {
      case .place(let place): place.layout
      case .constant(_, let layout): layout
      }
    }

    /// The buffer it lies in, where it is no constant.
    var buffer: Int? { if case .place(let place) = self { place.buffer } else { nil } }
  }
  typealias Kernel =
    (_ operands: [UnsafeMutablePointer<Float>], _ result: inout ExecutionResult) throws -> Void

  case primitive(Primitive, [(Argument, Operand)])
  /// A loop of our own over buffers.
  case kernel([Int], Kernel)
  /// Copies a value to the result, in the caller's layout and under the caller's shape.
  case output(Returned, Place, Layout)

  /// The buffers that it touches.
  var buffers: [Int] {
    switch self {
    case .primitive(_, let operands): operands.compactMap(\.1.buffer)
    case .kernel(let buffers, _): buffers
    case .output(_, let place, _): [place.buffer]
    }
  }
}

/// A value that the caller is given, under the caller's shape.
struct Returned {
  var value: ValueID
  var shape: [Int]
}

/// Instructions in order, with the sizes of their buffers.
struct UnplacedProgram {
  var instructions: [Instruction]
  /// By instruction: the first node of the step that it belongs to; −1 where it is of none.
  var owners: [Int]
  /// The number of buffers that the caller brings.
  var inputCount: Int
  /// Bytes, by buffer; those of the caller's are not used.
  var bufferSizes: [Int]
  /// Buffers that the caller is given, with the values there.
  var results: [Int: Returned]
  /// What computes each executed node.
  var executions: [NodeExecution]
}
