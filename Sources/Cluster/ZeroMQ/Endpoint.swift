import Foundation

/// Where sockets meet: a Unix socket, a TCP port, or a name inside one process.
public struct Endpoint: Hashable, Sendable, CustomStringConvertible {
  public enum Transport: String, Sendable { case ipc, tcp, inproc }

  public let transport: Transport
  /// What follows `transport://`: a path, `host:port`, or a name.
  public let address: String

  /// The longest path of a Unix socket, in bytes: `sun_path` holds 108 with the final zero.
  public static let longestPath = 107

  /// Reads `ipc:///path`, `tcp://host:port` or `inproc://name`.
  ///
  /// - Throws: ``ZeroMQError`` with `invalidEndpoint`.
  public init(_ text: String) throws {
    guard let separator = text.range(of: "://"),
      let transport = Transport(rawValue: String(text[..<separator.lowerBound]))
    else {
      throw ZeroMQError(
        .invalidEndpoint,
        "endpoint '\(text)' is none of ipc:///path, tcp://host:port and inproc://name")
    }
    try self.init(transport, String(text[separator.upperBound...]))
  }

  /// The Unix socket at `path`.
  ///
  /// - Throws: ``ZeroMQError`` with `invalidEndpoint` if the path has more than ``longestPath`` bytes.
  public static func ipc(path: String) throws -> Endpoint { try Endpoint(.ipc, path) }

  /// A TCP port; `*` as port lets the system choose one when the socket is bound.
  public static func tcp(host: String, port: String) throws -> Endpoint {
    try Endpoint(.tcp, "\(host):\(port)")
  }

  /// A name among the sockets of one ``Context``.
  public static func inproc(name: String) throws -> Endpoint { try Endpoint(.inproc, name) }

  private init(_ transport: Transport, _ address: String) throws {
    self.transport = transport
    self.address = address
    guard !address.isEmpty, !address.utf8.contains(0) else {
      throw ZeroMQError(.invalidEndpoint, "endpoint '\(transport.rawValue)://' has no address")
    }
    switch transport {
    case .inproc: break
    case .ipc:
      let count = address.utf8.count
      guard count <= Self.longestPath else {
        throw ZeroMQError(
          .invalidEndpoint,
          """
          the path of \(self) has \(count) bytes, and a Unix socket at most \(Self.longestPath): \
          choose a shorter state folder, or tcp
          """)
      }
    case .tcp:
      guard let colon = address.lastIndex(of: ":"), colon != address.startIndex,
        ["*", "0"].contains(address[address.index(after: colon)...])
          || UInt16(address[address.index(after: colon)...]) != nil
      else {
        throw ZeroMQError(
          .invalidEndpoint, "\(self) lacks a port: write tcp://host:port, 1…65535")
      }
    }
  }

  public var description: String { "\(transport.rawValue)://\(address)" }
}
