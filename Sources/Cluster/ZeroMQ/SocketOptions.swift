import CZeroMQ
import Foundation

/// How a socket behaves; set before it is bound or connected.
public struct SocketOptions: Sendable {
  /// How long unsent messages outlive the socket.
  public var linger: Duration = .milliseconds(500)
  /// Messages kept for a peer that does not read; 0 is without limit.
  public var sendHighWaterMark = 1000
  /// Messages kept of a peer until they are read; 0 is without limit.
  public var receiveHighWaterMark = 1000
  /// Time between two probes of an idle connection; nil sends none.
  public var heartbeatInterval: Duration? = .seconds(5)
  /// Time after which a silent connection is given up.
  public var heartbeatTimeout: Duration = .seconds(20)
  /// Time a new connection has to prove that it speaks ZeroMQ.
  public var handshakeTimeout: Duration = .seconds(10)
  /// Time until a lost connection is dialled again; doubles up to ``longestReconnectInterval``.
  public var reconnectInterval: Duration = .milliseconds(50)
  public var longestReconnectInterval: Duration = .seconds(1)
  /// Messages above this size end the connection that sends them, in bytes; nil takes any.
  public var largestMessage: Int?
  /// The name a router knows this socket by, 1…255 bytes, not starting with zero; nil lets the
  /// router choose one for each connection.
  public var identity: Data?

  public init() {}
}

extension Socket {
  func apply(_ options: SocketOptions) throws {
    try set(ZMQ_LINGER, options.linger.milliseconds)
    try set(ZMQ_SNDHWM, options.sendHighWaterMark)
    try set(ZMQ_RCVHWM, options.receiveHighWaterMark)
    try set(ZMQ_HANDSHAKE_IVL, options.handshakeTimeout.milliseconds)
    try set(ZMQ_RECONNECT_IVL, options.reconnectInterval.milliseconds)
    try set(ZMQ_RECONNECT_IVL_MAX, options.longestReconnectInterval.milliseconds)
    if let interval = options.heartbeatInterval {
      try set(ZMQ_HEARTBEAT_IVL, interval.milliseconds)
      try set(ZMQ_HEARTBEAT_TIMEOUT, options.heartbeatTimeout.milliseconds)
    }
    if let largest = options.largestMessage {
      var value = Int64(largest)
      try check(
        zmq_setsockopt(handle, ZMQ_MAXMSGSIZE, &value, MemoryLayout<Int64>.size), ZMQ_MAXMSGSIZE)
    }
    if let identity = options.identity {
      let status = identity.withUnsafeBytes {
        zmq_setsockopt(handle, ZMQ_ROUTING_ID, $0.baseAddress, $0.count)
      }
      try check(status, ZMQ_ROUTING_ID)
    }
    if kind == .router {
      try set(ZMQ_ROUTER_MANDATORY, 1)
      // A peer that reconnects is served at once, though its old connection is not yet given up.
      try set(ZMQ_ROUTER_HANDOVER, 1)
    }
  }

  private func set(_ option: Int32, _ value: Int) throws {
    var value = Int32(clamping: value)
    try check(zmq_setsockopt(handle, option, &value, MemoryLayout<Int32>.size), option)
  }

  private func check(_ status: Int32, _ option: Int32) throws {
    if status != 0 { throw ZeroMQError.last("cannot set option \(option) of a \(kind) socket") }
  }
}

extension Duration {
  /// Whole milliseconds, rounded up.
  var milliseconds: Int {
    let (seconds, attoseconds) = components
    return Int(seconds) * 1000 + Int((attoseconds + 999_999_999_999_999) / 1_000_000_000_000_000)
  }
}
