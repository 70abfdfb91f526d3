import Digests
import Foundation
import Messaging
import Pipeline
import Synchronization

/// Artifacts of the coordinator's store, over the link; small ones that jobs make wait here and travel
/// with their results.
final class Parcel: ArtifactAccess {
  /// Bytes of an artifact that waits, at most: more take longer to send than to ask about.
  private static let largest = 16 << 10
  /// Bytes of all that wait.
  private static let capacity = 256 << 10

  private let link: WorkerLink
  private let contents = Mutex<[Digest: Data]>([:])

  init(link: WorkerLink) { self.link = link }

  /// Forgets what waits.
  func empty() { contents.withLock { $0 = [:] } }

  /// Those of some artifacts that wait.
  func take(_ digests: [Digest]) -> [Data] {
    contents.withLock { contents in Set(digests).compactMap { contents[$0] } }
  }

  func data(for digest: Digest) async throws -> Data {
    if let data = contents.withLock({ $0[digest] }) { return data }
    return try await link.fetch(digest)
  }

  func put(_ data: Data) async throws -> Digest {
    guard data.count <= Self.largest else { return try await link.store(data) }
    let digest = Digest(of: data)
    let waits = contents.withLock { contents in
      let size = contents.values.reduce(data.count) { $0 + $1.count }
      guard size <= Self.capacity else { return false }
      contents[digest] = data
      return true
    }
    return waits ? digest : try await link.store(data)
  }
}
