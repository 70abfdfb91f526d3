import Digests
import Foundation
import Pipeline
import Synchronization

/// An artifact store in memory.
final class MemoryArtifacts: ArtifactAccess {
  private let content = Mutex<[Digest: Data]>([:])

  var count: Int { content.withLock(\.count) }

  func data(for digest: Digest) async throws -> Data {
    guard let data = content.withLock({ $0[digest] }) else {
      throw PipelineError(.corruptArtifact, "artifact \(digest.short) is not there")
    }
    return data
  }

  func store(_ data: Data) async throws -> Digest { put(data) }

  @discardableResult
  func put(_ data: Data) -> Digest {
    let digest = Digest(of: data)
    content.withLock { $0[digest] = data }
    return digest
  }
}
