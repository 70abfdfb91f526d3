import Synchronization
import Tensors

/// What the dense network makes of samples, by their place; for any thread.
///
/// Whoever asks first has it computed: it is the same for every variant and in every stretch.
final class TeacherOutputs: Sendable {
  private let known = Mutex<[Int: [Tensor]]>([:])

  func outputs(at place: Int, make: () throws -> [Tensor]) rethrows -> [Tensor] {
    if let outputs = known.withLock({ $0[place] }) { return outputs }
    let outputs = try make()
    known.withLock { $0[place] = outputs }
    return outputs
  }
}
