import Digests
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
  private let flushing = DispatchQueue(label: "espalier.artifacts.flush")

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

  /// Returns when every artifact that was stored before is on the disk.
  func flush() async throws { try await flushing { try $0.flush() } }

  /// Returns when everything in the store is on the disk, whoever put it there.
  func flushAll() async throws { try await flushing { try $0.flushAll() } }

  private func flushing(_ body: @escaping @Sendable (ArtifactStore) throws -> Void) async throws {
    try await withCheckedThrowingContinuation { continuation in
      flushing.async { [server] in
        continuation.resume(with: Result { try body(server.store) })
      }
    }
  }
}
