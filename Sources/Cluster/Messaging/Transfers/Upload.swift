import Digests
import Foundation

/// An artifact going to the coordinator.
///
/// First an offer without bytes asks how far the coordinator has got: all the way if it has the
/// artifact, somewhere in the middle after a lost connection. Then parts follow, `window` of them
/// ahead of what is acknowledged. A small artifact is its own offer.
struct Upload: Transfer {
  let digest: Digest
  let data: Data
  let configuration: TransferConfiguration
  /// First byte the coordinator lacks.
  private var acknowledged = 0
  /// First byte not sent yet; nil until the coordinator has told how far it has got.
  private var sent: Int?
  private var corruptions = 0

  init(_ data: Data, configuration: TransferConfiguration) {
    self.data = data
    self.digest = Digest(of: data)
    self.configuration = configuration
  }

  /// Bytes that take no longer to send than to ask about.
  private static let smallest = 16 << 10

  /// Whether it goes as one part, without an offer before.
  private var goesWhole: Bool {
    corruptions == 0 && data.count <= min(Self.smallest, configuration.chunkSize)
  }

  mutating func start() -> [TransferAction<Digest>] {
    if goesWhole {
      sent = data.count
      return [.send(.store(digest, offset: 0, total: data.count, bytes: data))]
    }
    sent = nil
    return [
      .send(.store(digest, offset: acknowledged, total: data.count, bytes: Data()))
    ]
  }

  mutating func receive(_ message: CoordinatorMessage) -> [TransferAction<Digest>] {
    switch message {
    case .stored(_, let next) where next == data.count: return [.finish(digest)]
    case .stored(_, let next) where next < data.count: return receive(acknowledgement: next)
    case .unavailable(_, let reason): return [.fail(MessagingError(.artifactUnavailable, reason))]
    default: return []
    }
  }

  mutating func retry() -> [TransferAction<Digest>] { start() }

  private mutating func receive(acknowledgement next: Int) -> [TransferAction<Digest>] {
    if next < acknowledged {
      // What was acknowledged is gone: the whole had another digest, or the store was emptied.
      corruptions += 1
      guard corruptions < longestCorruption else {
        return [
          .fail(
            MessagingError(
              .artifactCorrupt,
              "artifact \(digest.short) arrives at the coordinator with another digest"))
        ]
      }
      sent = nil
    }
    // A whole that was sent at once and did not arrive as it should: then part by part.
    if goesWhole, next == 0 {
      corruptions += 1
      return start()
    }
    // The same place again: a part behind a gap was ignored. The retry will fill it.
    if next == acknowledged, sent != nil { return [] }
    acknowledged = next
    return fillWindow(from: max(sent ?? next, next))
  }

  private mutating func fillWindow(from start: Int) -> [TransferAction<Digest>] {
    let end = min(data.count, acknowledged + configuration.window * configuration.chunkSize)
    var actions: [TransferAction<Digest>] = []
    var offset = start
    while offset < end {
      let size = min(configuration.chunkSize, data.count - offset)
      let first = data.startIndex + offset
      actions.append(
        .send(
          .store(
            digest, offset: offset, total: data.count, bytes: data[first..<(first + size)])))
      offset += size
    }
    sent = offset
    return actions
  }
}
