import Digests
import Foundation
import Synchronization

/// Where a job gets artifacts from and leaves its own.
public protocol ArtifactAccess: Sendable {
  /// The artifact's content, verified.
  func data(for digest: Digest) async throws -> Data
  /// Stores `data` under its digest; twice is as good as once.
  @discardableResult
  func put(_ data: Data) async throws -> Digest
}

/// Files of this machine.
extension ArtifactStore: ArtifactAccess {}

/// Artifacts that nobody needs after this process.
public final class MemoryArtifacts: ArtifactAccess {
  private let content = Mutex<[Digest: Data]>([:])

  public init() {}

  public var count: Int { content.withLock(\.count) }

  public func data(for digest: Digest) throws -> Data {
    guard let data = content.withLock({ $0[digest] }) else {
      throw PipelineError(.corruptArtifact, "artifact \(digest.short) is not there")
    }
    return data
  }

  @discardableResult
  public func put(_ data: Data) -> Digest {
    let digest = Digest(of: data)
    content.withLock { $0[digest] = data }
    return digest
  }
}
