import CZeroMQ
import Foundation

/// A ZeroMQ socket. It belongs to one thread at a time, in practice to a ``Reactor``.
public final class Socket {
  public enum Kind: Sendable {
    /// Talks to many peers by name; messages for absent peers are errors, not lost.
    case router
    /// Talks to one router, over any number of reconnections.
    case dealer
    /// Talks to one other socket of the kind.
    case pair

    var number: Int32 {
      switch self {
      case .router: ZMQ_ROUTER
      case .dealer: ZMQ_DEALER
      case .pair: ZMQ_PAIR
      }
    }
  }

  public let kind: Kind
  let handle: UnsafeMutableRawPointer
  /// Kept so that the context outlives its sockets.
  private let context: Context
  /// The endpoints bound, as resolved by the system: a `*` port has become a number.
  public private(set) var boundEndpoints: [Endpoint] = []

  /// - Throws: ``ZeroMQError`` with `failed`.
  public init(_ kind: Kind, in context: Context, options: SocketOptions = .init()) throws {
    guard let handle = zmq_socket(context.handle, kind.number) else {
      throw ZeroMQError.last("cannot make a \(kind) socket")
    }
    self.kind = kind
    self.handle = handle
    self.context = context
    try apply(options)
  }

  deinit { zmq_close(handle) }

  /// Listens on an endpoint.
  ///
  /// - Throws: ``ZeroMQError`` with `addressInUse`, or `failed`.
  public func bind(_ endpoint: Endpoint) throws {
    if endpoint.isAnswering == true {
      throw ZeroMQError(
        .addressInUse,
        """
        cannot listen on \(endpoint): address in use; another process listens there: stop it, \
        or choose another endpoint
        """)
    }
    // A TCP port that was just closed by this process is released by an I/O thread a little later.
    let deadline = ContinuousClock.now + .seconds(1)
    while zmq_bind(handle, endpoint.description) != 0 {
      let error = ZeroMQError.last("cannot listen on \(endpoint)")
      guard error.code == .addressInUse, endpoint.transport == .tcp, .now < deadline else {
        throw error
      }
      Thread.sleep(forTimeInterval: 0.02)
    }
    boundEndpoints.append(try lastEndpoint() ?? endpoint)
  }

  /// Dials an endpoint, now and whenever the connection is lost; nobody need listen there yet.
  ///
  /// - Throws: ``ZeroMQError`` with `failed`.
  public func connect(_ endpoint: Endpoint) throws {
    guard zmq_connect(handle, endpoint.description) == 0 else {
      throw ZeroMQError.last("cannot connect to \(endpoint)")
    }
  }

  /// Stops listening, and waits until the endpoints are free for another socket.
  ///
  /// libzmq removes the file of a Unix socket some time after; without the wait that could be the
  /// file of the next listener.
  func unbindAll() {
    for endpoint in boundEndpoints { zmq_unbind(handle, endpoint.description) }
    let deadline = ContinuousClock.now + .seconds(1)
    for endpoint in boundEndpoints where endpoint.transport == .ipc {
      while FileManager.default.fileExists(atPath: endpoint.address), .now < deadline {
        Thread.sleep(forTimeInterval: 0.005)
      }
    }
    boundEndpoints = []
  }

  private func lastEndpoint() throws -> Endpoint? {
    var text = [CChar](repeating: 0, count: 512)
    var count = text.count
    guard zmq_getsockopt(handle, ZMQ_LAST_ENDPOINT, &text, &count) == 0, count > 1 else {
      return nil
    }
    return try Endpoint(
      String(decoding: text.prefix(count - 1).map { UInt8(bitPattern: $0) }, as: UTF8.self))
  }
}
