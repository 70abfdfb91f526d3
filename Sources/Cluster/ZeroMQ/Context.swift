import CZeroMQ

/// libzmq's I/O threads and the names of `inproc` endpoints.
///
/// Sockets that meet over `inproc` share one context. It ends with the last socket made in it, and
/// then waits for unsent messages as long as those sockets linger.
public final class Context: @unchecked Sendable {
  // Unchecked: the handle never changes, and libzmq's contexts may be used by any thread.
  let handle: UnsafeMutableRawPointer

  /// - Parameter sockets: How many there may be at one time.
  /// - Throws: ``ZeroMQError`` with `failed` if the process has no file descriptors left.
  public init(sockets: Int = 1023) throws {
    guard let handle = zmq_ctx_new() else { throw ZeroMQError.last("cannot start ZeroMQ") }
    self.handle = handle
    guard zmq_ctx_set(handle, ZMQ_MAX_SOCKETS, Int32(clamping: sockets)) == 0 else {
      throw ZeroMQError.last("cannot allow \(sockets) sockets")
    }
  }

  deinit {
    while zmq_ctx_term(handle) != 0, zmq_errno() == EINTR {}
  }
}
