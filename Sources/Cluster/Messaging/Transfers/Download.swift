import Digests
import Foundation

/// An artifact coming from the coordinator.
///
/// Parts are asked for in order, `window` of them ahead. ZeroMQ keeps the order, so that a part
/// behind a gap means that one was lost with its connection: it is ignored, and asked for again.
/// Before that, a request for nothing finds out whether somebody is there: requests wait while
/// there is no connection, and the answers to all of them would come at once.
struct Download: Transfer {
  let digest: Digest
  let configuration: TransferConfiguration
  private var received = Data()
  /// Where the next part to ask for begins.
  private var requested = 0
  /// Size of the artifact; nil until the first part tells.
  private var total: Int?
  /// Whether a request for nothing waits for its answer.
  private var isProbing = false
  private var corruptions = 0

  init(_ digest: Digest, configuration: TransferConfiguration) {
    self.digest = digest
    self.configuration = configuration
  }

  /// The first part is asked for alone: it tells how many there are.
  mutating func start() -> [TransferAction<Data>] {
    requested = received.count + configuration.chunkSize
    return [request(at: received.count)]
  }

  mutating func receive(_ message: CoordinatorMessage) -> [TransferAction<Data>] {
    switch message {
    case .chunk(_, let offset, let total, let bytes):
      return receive(bytes, at: offset, of: total)
    case .missing:
      return [
        .fail(
          MessagingError(
            .artifactMissing,
            "artifact \(digest.short) is not in the coordinator's store: run the sweep again"))
      ]
    case .unavailable(_, let reason): return [.fail(MessagingError(.artifactUnavailable, reason))]
    default: return []
    }
  }

  mutating func retry() -> [TransferAction<Data>] {
    isProbing = true
    return [.send(.fetch(digest, offset: received.count, length: 0))]
  }

  private mutating func receive(
    _ bytes: Data, at offset: Int, of total: Int
  ) -> [TransferAction<Data>] {
    // Another size under the same digest: what came before, or what comes now, is corrupt.
    if let known = self.total, known != total { return startAgain() }
    self.total = total
    guard offset == received.count, received.count + bytes.count <= total else { return [] }
    received.append(bytes)
    if received.count == total {
      return Digest(of: received) == digest ? [.finish(received)] : startAgain()
    }
    if bytes.isEmpty, !isProbing { return [] }
    isProbing = false
    // Nothing, or less than was asked for: the parts under way are lost, or leave gaps.
    if bytes.count < configuration.chunkSize { requested = received.count }
    return fillWindow()
  }

  private mutating func startAgain() -> [TransferAction<Data>] {
    corruptions += 1
    guard corruptions < longestCorruption else {
      return [
        .fail(
          MessagingError(
            .artifactCorrupt,
            "artifact \(digest.short) is corrupt in the coordinator's store: delete it there"))
      ]
    }
    received = Data()
    total = nil
    return start()
  }

  private mutating func fillWindow() -> [TransferAction<Data>] {
    let size = configuration.chunkSize
    let end = min(total ?? 0, received.count + configuration.window * size)
    var actions: [TransferAction<Data>] = []
    while requested < end {
      actions.append(request(at: requested))
      requested += size
    }
    return actions
  }

  private func request(at offset: Int) -> TransferAction<Data> {
    .send(.fetch(digest, offset: offset, length: configuration.chunkSize))
  }
}
