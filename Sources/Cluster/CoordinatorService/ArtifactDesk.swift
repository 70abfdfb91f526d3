import Dispatch
import Logging
import Messaging

/// Serves transfers on threads of its own: flushing a file blocks, and a disk flushes many at once.
///
/// What one worker sends is dealt with in its order.
struct ArtifactDesk: Sendable {
  private static let width = 32

  private let server: ArtifactServer
  private let link: CoordinatorLink
  private let logger: Logger
  private let queues = (0..<width).map { DispatchQueue(label: "espalier.artifacts.\($0)") }

  init(_ server: ArtifactServer, link: CoordinatorLink, logger: Logger) {
    self.server = server
    self.link = link
    self.logger = logger
  }

  /// Answers a `fetch` or `store`, later.
  func serve(_ message: WorkerMessage, from peer: PeerID) {
    let place = Int(UInt(bitPattern: peer.hashValue) % UInt(Self.width))
    queues[place].async { [self] in
      guard let reply = server.reply(to: message) else { return }
      do {
        try link.send(reply, to: peer)
      } catch {
        logger.error("cannot send", metadata: ["error": "\(error)"])
      }
    }
  }
}
