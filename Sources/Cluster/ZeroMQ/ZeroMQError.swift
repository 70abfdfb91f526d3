import CZeroMQ

/// A socket that could not be made, bound, connected or used.
public struct ZeroMQError: Error, Sendable, CustomStringConvertible {
  public enum Code: Sendable {
    /// The endpoint is malformed, or longer than the system allows.
    case invalidEndpoint
    /// Another process, or another socket of this one, listens there.
    case addressInUse
    /// The peer a message was for is not connected.
    case unreachablePeer
    /// The socket takes no more messages now.
    case wouldBlock
    /// libzmq failed otherwise; the message has its words.
    case failed
  }

  public let code: Code
  /// What failed, on which endpoint, and what to do.
  public let message: String

  public init(_ code: Code, _ message: String) {
    self.code = code
    self.message = message
  }

  public var description: String { message }
}

extension ZeroMQError {
  /// The last error of libzmq on this thread, in its own words.
  static func last(_ action: String) -> ZeroMQError {
    let number = zmq_errno()
    let words = String(cString: zmq_strerror(number))
    let code: Code =
      switch number {
      case EADDRINUSE: .addressInUse
      case EHOSTUNREACH: .unreachablePeer
      case EAGAIN: .wouldBlock
      default: .failed
      }
    let advice =
      code == .addressInUse
      ? "; another process listens there: stop it, or choose another endpoint" : ""
    return ZeroMQError(code, "\(action): \(words) (errno \(number))\(advice)")
  }
}
