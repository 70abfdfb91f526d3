import Foundation
import Synchronization

/// Calls `body` once for every index in `0..<count`, on up to `threads` threads: the calling one, and
/// new ones beside it.
///
/// It returns when all is done, so that it is not to be called on Swift's cooperative pool, but for
/// what takes next to no time. Indices are taken in order by whichever thread is free, so `body` must
/// depend on its index alone.
///
/// - Throws: The error of the lowest index that failed. No index is started after a failure.
public func parallelFor(
  count: Int, threads: Int, body: @Sendable (Int) throws -> Void
) throws {
  try parallelFor(
    count: count, threads: threads, state: { () }, body: { _, index in try body(index) })
}

/// The values of `body` for every index in `0..<count`, in the order of the indices.
///
/// - Throws: The error of the lowest index that failed.
public func parallelMap<Value: Sendable>(
  count: Int, threads: Int, body: @Sendable (Int) throws -> Value
) throws -> [Value] {
  try parallelMap(
    count: count, threads: threads, state: { () }, body: { _, index in try body(index) })
}

/// As ``parallelMap(count:threads:body:)``, with a state that each thread makes for itself.
public func parallelMap<State, Value: Sendable>(
  count: Int, threads: Int, state: @Sendable () throws -> State,
  body: @Sendable (State, Int) throws -> Value
) throws -> [Value] {
  let values = Mutex([Value?](repeating: nil, count: count))
  try parallelFor(count: count, threads: threads, state: state) { state, index in
    let value = try body(state, index)
    values.withLock { $0[index] = value }
  }
  return values.withLock { $0.compactMap { $0 } }
}

extension Array where Element: Sendable {
  /// The values of `body` for every element, which it may change, in the order of the elements.
  ///
  /// - Throws: The error of the lowest index that failed.
  @discardableResult
  public mutating func parallelMap<Value: Sendable>(
    threads: Int, body: @Sendable (_ index: Int, inout Element) throws -> Value
  ) throws -> [Value] {
    try withUnsafeMutableBufferPointer { elements in
      // No two calls have the same element.
      nonisolated(unsafe) let elements = elements
      return try Parallelism.parallelMap(count: elements.count, threads: threads) {
        try body($0, &elements[$0])
      }
    }
  }
}

/// As ``parallelFor(count:threads:body:)``, with a state that each thread makes for itself.
///
/// An error in making a state counts as one of the index that the state was needed for.
public func parallelFor<State>(
  count: Int, threads: Int, state: @Sendable () throws -> State,
  body: @Sendable (State, Int) throws -> Void
) throws {
  let next = Atomic(0)
  let failure = Mutex<(index: Int, error: any Error)?>(nil)
  runThreads(count: min(threads, count)) {
    var own: State?
    while failure.withLock({ $0 == nil }) {
      let index = next.wrappingAdd(1, ordering: .relaxed).oldValue
      guard index < count else { return }
      do {
        let current = try own ?? state()
        own = current
        try body(current, index)
      } catch {
        // Lower indices were taken earlier and run to their end: the lowest failure is known.
        failure.withLock { if index < $0?.index ?? .max { $0 = (index, error) } }
      }
    }
  }
  if let failure = failure.withLock({ $0 }) { throw failure.error }
}

/// Runs `body` on the calling thread and on `count` − 1 new ones, fewer where the system gives no more,
/// and waits for all of them.
private func runThreads(count: Int, _ body: @Sendable () -> Void) {
  guard count > 1 else { return body() }
  withoutActuallyEscaping(body) { body in
    let work = ThreadWork(body: body)
    var threads: [pthread_t] = []
    for _ in 1..<count {
      var thread = pthread_t()
      let status = pthread_create(
        &thread, nil,
        { argument in
          if let argument {
            Unmanaged<ThreadWork>.fromOpaque(argument).takeUnretainedValue().body()
          }
          return nil
        }, Unmanaged.passUnretained(work).toOpaque())
      if status == 0 { threads.append(thread) }
    }
    body()
    for thread in threads { pthread_join(thread, nil) }
  }
}

/// What a C thread is handed.
private final class ThreadWork: Sendable {
  let body: @Sendable () -> Void

  init(body: @escaping @Sendable () -> Void) { self.body = body }
}
