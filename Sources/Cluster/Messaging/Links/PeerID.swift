import Foundation

/// A worker or command line as the coordinator's socket knows it; the same over reconnections.
public struct PeerID: Hashable, Sendable, CustomStringConvertible {
  let bytes: Data

  init(_ bytes: Data) { self.bytes = bytes }

  /// A name no other peer has; a router takes 1…255 bytes that do not start with zero.
  static func unique(_ prefix: String) -> PeerID {
    PeerID(Data("\(prefix)-\(UUID().uuidString)".utf8))
  }

  public var description: String {
    String(data: bytes, encoding: .utf8) ?? bytes.map { String($0, radix: 16) }.joined()
  }
}
