import Digests
import Foundation
import Logging

/// The coordinator's side of every transfer.
///
/// It keeps nothing in memory: where an upload has got to is the size of its file, so that a
/// coordinator that restarts goes on where it was.
public struct ArtifactServer: Sendable {
  public let store: ArtifactStore
  private let logger: Logger

  public init(store: ArtifactStore, logger: Logger = Logger(label: "espalier.artifacts")) {
    self.store = store
    self.logger = logger
  }

  /// The answer to `fetch` and `store`; nil for every other message.
  public func reply(to message: WorkerMessage) -> CoordinatorMessage? {
    switch message {
    case .fetch(let digest, let offset, let length):
      answer(digest) {
        let part = try store.read(
          digest, at: offset, length: min(length, TransferConfiguration.largestChunk))
        return .chunk(
          digest, offset: min(offset, part.total), total: part.total, bytes: part.bytes)
      }
    case .store(let digest, let offset, let total, let bytes):
      answer(digest) {
        let next = try store.append(bytes, to: digest, at: offset, total: total)
        return .stored(digest, nextOffset: next)
      }
    case .hello, .heartbeat, .completed, .failed, .goodbye: nil
    }
  }

  private func answer(
    _ digest: Digest, _ work: () throws -> CoordinatorMessage
  ) -> CoordinatorMessage {
    do {
      return try work()
    } catch let error as ArtifactError where error.code == .missing {
      return .missing(digest)
    } catch {
      logger.error("artifact transfer failed", metadata: ["error": "\(error)"])
      return .unavailable(digest, reason: "\(error)")
    }
  }
}
