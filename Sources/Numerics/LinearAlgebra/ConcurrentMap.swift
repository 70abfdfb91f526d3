import Dispatch
import Synchronization

/// The results of `body` for 0..<count, computed on up to `threads` threads, in order.
///
/// Which thread computes what does not show in the result: every call stands alone, and of several
/// failures the one with the lowest index is thrown.
public func concurrentMap<Element: Sendable>(
  count: Int, threads: Int, _ body: @Sendable (Int) throws -> Element
) throws -> [Element] {
  precondition(threads > 0, "\(threads) threads")
  let lanes = min(threads, count)
  if lanes <= 1 { return try (0..<count).map(body) }
  let results = Mutex<[Result<Element, any Error>?]>(Array(repeating: nil, count: count))
  let next = Atomic<Int>(0)
  DispatchQueue.concurrentPerform(iterations: lanes) { _ in
    while true {
      let index = next.wrappingAdd(1, ordering: .relaxed).oldValue
      guard index < count else { return }
      let result = Result { try body(index) }
      results.withLock { $0[index] = result }
    }
  }
  return try results.withLock { finished in
    try finished.compactMap { try $0?.get() }
  }
}
