import Synchronization

/// Values by key, bounded in bytes; the least recently used go first.
final class ByteCache: Sendable {
  private struct Entry {
    var value: any Sendable
    var bytes: Int
    var lastUse: Int
  }

  private struct State {
    var entries: [String: Entry] = [:]
    var bytes = 0
    var clock = 0
  }

  private let limit: Int
  private let state = Mutex(State())

  init(limit: Int) { self.limit = limit }

  /// The value for `key`, made if it is not there.
  ///
  /// - Parameter make: Gives the value and its size in bytes. A value larger than the whole cache
  ///   is returned and forgotten.
  func value<Value: Sendable>(
    for key: String, make: () async throws -> (Value, Int)
  ) async throws -> Value {
    let known = state.withLock { state -> Value? in
      state.clock += 1
      state.entries[key]?.lastUse = state.clock
      return state.entries[key]?.value as? Value
    }
    if let known { return known }
    let (value, bytes) = try await make()
    if bytes <= limit { insert(value, bytes: bytes, for: key) }
    return value
  }

  private func insert(_ value: any Sendable, bytes: Int, for key: String) {
    state.withLock { state in
      state.bytes += bytes - (state.entries[key]?.bytes ?? 0)
      state.entries[key] = Entry(value: value, bytes: bytes, lastUse: state.clock)
      while state.bytes > limit,
        let oldest = state.entries.filter({ $0.key != key }).min(by: {
          $0.value.lastUse < $1.value.lastUse
        })
      {
        state.bytes -= oldest.value.bytes
        state.entries[oldest.key] = nil
      }
    }
  }
}
