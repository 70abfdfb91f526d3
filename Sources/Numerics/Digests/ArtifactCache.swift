import Foundation
import Synchronization

/// Contents by digest, in memory, up to a number of bytes; the least recently used go first.
public final class ArtifactCache: Sendable {
  private struct State {
    var entries: [Digest: (data: Data, lastUse: UInt64)] = [:]
    var bytes = 0
    var uses: UInt64 = 0
  }

  /// Bytes kept at most.
  public let capacity: Int
  private let state = Mutex(State())

  public init(capacity: Int) { self.capacity = capacity }

  /// The content, and a mark that it was used now; nil if it is not kept.
  public subscript(digest: Digest) -> Data? {
    state.withLock { state in
      state.uses += 1
      state.entries[digest]?.lastUse = state.uses
      return state.entries[digest]?.data
    }
  }

  /// Keeps `data`, which has that digest, unless it alone is larger than the cache.
  ///
  /// - Complexity: O(number of entries) for each entry that has to go; a worker keeps dozens.
  public func insert(_ data: Data, for digest: Digest) {
    guard data.count <= capacity else { return }
    state.withLock { state in
      state.uses += 1
      state.bytes += data.count - (state.entries[digest]?.data.count ?? 0)
      state.entries[digest] = (data, state.uses)
      while state.bytes > capacity,
        let oldest = state.entries.min(by: { $0.value.lastUse < $1.value.lastUse })
      {
        state.entries[oldest.key] = nil
        state.bytes -= oldest.value.data.count
      }
    }
  }

  /// Bytes kept now.
  public var byteCount: Int { state.withLock { $0.bytes } }
}
