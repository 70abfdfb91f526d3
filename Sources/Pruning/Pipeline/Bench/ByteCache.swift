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

    /// Forgets the least recently used values but some, until the others are small enough.
    mutating func trim(to limit: Int, keeping keys: Set<String>) {
      while bytes > limit,
        let oldest = entries.filter({ !keys.contains($0.key) }).min(by: {
          $0.value.lastUse < $1.value.lastUse
        })
      {
        bytes -= oldest.value.bytes
        entries[oldest.key] = nil
      }
    }
  }

  /// In bytes.
  let limit: Int
  private let state = Mutex(State())

  init(limit: Int) { self.limit = limit }

  /// The value for `key`, made if it is not there.
  ///
  /// - Parameter make: Gives the value and its size in bytes. A value larger than the whole cache
  ///   is returned and forgotten.
  func value<Value: Sendable>(
    for key: String, make: () async throws -> (Value, Int)
  ) async throws -> Value {
    if let known: Value = known(key) { return known }
    let (value, bytes) = try await make()
    if bytes <= limit { remember(value, bytes: bytes, for: key) }
    return value
  }

  /// The value for `key`, if it is there.
  func known<Value: Sendable>(_ key: String) -> Value? {
    state.withLock { state in
      state.clock += 1
      // Not by optional chaining: a missing entry would be a known nil where Value is an optional.
      guard let entry = state.entries[key] else { return nil }
      state.entries[key]?.lastUse = state.clock
      return entry.value as? Value
    }
  }

  /// Forgets values until `bytes` are free, for work that is not remembered.
  func makeRoom(_ bytes: Int) {
    state.withLock { $0.trim(to: limit - bytes, keeping: []) }
  }

  /// Keeps a value as long as there is room.
  func remember(_ value: any Sendable, bytes: Int, for key: String) {
    state.withLock { state in
      state.bytes += bytes - (state.entries[key]?.bytes ?? 0)
      state.entries[key] = Entry(value: value, bytes: bytes, lastUse: state.clock)
      state.trim(to: limit, keeping: [key])
    }
  }
}
