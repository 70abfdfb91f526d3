import Foundation
import Glibc
import Synchronization

/// Small uploads are there for everybody at once, and on the disk after the next flush: many are
/// flushed together at a fraction of what they cost one by one.
extension ArtifactStore {
  /// So few are flushed one by one: the file system as a whole may have much else to write.
  private static let few = 4

  /// Returns when every upload that was stored before is on the disk, content and name.
  ///
  /// - Throws: ``ArtifactError`` with `diskFull` or `inputOutput`. The uploads are gone then: what
  ///   the system could not write it forgets, so that they must be brought again.
  public func flush() throws {
    try unflushed.flush { digests in
      do {
        guard digests.count <= Self.few else { return try flushAll() }
        for digest in digests where contains(digest) {
          try ArtifactFile(path(for: digest), flags: O_RDONLY).synchronise()
          try flushName(of: digest)
        }
      } catch {
        for digest in digests { _ = unlink(path(for: digest)) }
        throw error
      }
    }
  }

  /// Returns when everything that is in the store is on the disk: also what a process left that was
  /// killed before it could flush.
  ///
  /// - Throws: ``ArtifactError`` with `diskFull` or `inputOutput`.
  public func flushAll() throws {
    try ArtifactFile(root, flags: O_RDONLY | O_DIRECTORY).synchroniseFileSystem()
  }
}

/// Artifacts that need not be on the disk yet, and the contents of most: whoever looks at a result
/// that has just come need not read it from its file.
final class UnflushedArtifacts: Sendable {
  private struct State {
    /// Nil where there are too many to keep.
    var contents: [Digest: Data?] = [:]
    var bytes = 0
  }

  /// Bytes of contents that are kept.
  private static let limit = 32 << 20

  private let state = Mutex(State())
  private let flushing = Mutex(())

  func contains(_ digest: Digest) -> Bool { state.withLock { $0.contents[digest] != nil } }
  func content(of digest: Digest) -> Data? { state.withLock { $0.contents[digest] ?? nil } }

  func insert(_ digest: Digest, _ data: Data) {
    state.withLock { state in
      guard state.contents[digest] == nil else { return }
      let isKept = state.bytes + data.count <= Self.limit
      if isKept { state.bytes += data.count }
      state.contents[digest] = .some(isKept ? data : nil)
    }
  }

  /// Calls `body` with all that is here, and forgets it; one caller at a time, so that whoever
  /// returns knows that what was here before is flushed.
  func flush(_ body: ([Digest]) throws -> Void) throws {
    try flushing.withLock { _ in
      let digests = state.withLock { Array($0.contents.keys) }
      guard !digests.isEmpty else { return }
      defer { forget(digests) }
      try body(digests)
    }
  }

  private func forget(_ digests: [Digest]) {
    state.withLock { state in
      for digest in digests {
        if let content = state.contents.removeValue(forKey: digest) {
          state.bytes -= content?.count ?? 0
        }
      }
    }
  }
}
