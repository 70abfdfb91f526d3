import CZeroMQ
import Foundation

extension Socket {
  /// Sends the frames of one message, all or none, without waiting.
  ///
  /// - Throws: ``ZeroMQError`` with `wouldBlock` if the peer's queue is full, `unreachablePeer` if
  ///   a router does not know the peer named by the first frame, or `failed`.
  public func send(_ frames: [Data]) throws {
    for (index, frame) in frames.enumerated() {
      let flags = ZMQ_DONTWAIT | (index + 1 < frames.count ? ZMQ_SNDMORE : 0)
      var status: Int32
      repeat {
        status = frame.withUnsafeBytes { zmq_send(handle, $0.baseAddress, $0.count, flags) }
      } while status < 0 && zmq_errno() == EINTR
      if status < 0 { throw ZeroMQError.last("cannot send") }
    }
  }

  /// The frames of the next message; nil if none has arrived.
  ///
  /// - Throws: ``ZeroMQError`` with `failed`.
  public func receive() throws -> [Data]? {
    var frames: [Data] = []
    while true {
      var message = zmq_msg_t()
      zmq_msg_init(&message)
      defer { zmq_msg_close(&message) }
      if zmq_msg_recv(&message, handle, ZMQ_DONTWAIT) < 0 {
        switch zmq_errno() {
        case EINTR: continue
        case EAGAIN where frames.isEmpty: return nil
        default: throw ZeroMQError.last("cannot receive")
        }
      }
      let count = zmq_msg_size(&message)
      frames.append(zmq_msg_data(&message).map { Data(bytes: $0, count: count) } ?? Data())
      if zmq_msg_more(&message) == 0 { return frames }
    }
  }

  /// What a socket is ready for.
  public struct Readiness: OptionSet, Sendable {
    public let rawValue: Int16
    public init(rawValue: Int16) { self.rawValue = rawValue }
    public static let receive = Readiness(rawValue: Int16(ZMQ_POLLIN))
    public static let send = Readiness(rawValue: Int16(ZMQ_POLLOUT))
  }

  /// Waits until the socket is ready, `descriptor` can be read, or time has passed.
  ///
  /// - Parameters:
  ///   - wanted: What to wait for.
  ///   - descriptor: A file descriptor that ends the wait when it can be read.
  ///   - timeout: The longest wait; nil waits for ever. Measured on the monotonic clock, so that
  ///     signals do not lengthen it.
  public func wait(
    for wanted: Readiness, orDescriptor descriptor: Int32? = nil, timeout: Duration? = nil
  ) throws -> Readiness {
    let deadline = timeout.map { ContinuousClock.now + $0 }
    var items = [
      zmq_pollitem_t(socket: handle, fd: 0, events: wanted.rawValue, revents: 0)
    ]
    if let descriptor {
      items.append(
        zmq_pollitem_t(socket: nil, fd: descriptor, events: Int16(ZMQ_POLLIN), revents: 0))
    }
    while true {
      let left = deadline.map { max(0, (ContinuousClock.now.duration(to: $0)).milliseconds) } ?? -1
      let status = zmq_poll(&items, Int32(items.count), left)
      if status >= 0 { return Readiness(rawValue: items[0].revents) }
      guard zmq_errno() == EINTR else { throw ZeroMQError.last("cannot wait for messages") }
    }
  }
}
