import Synchronization

/// Values that threads borrow, because making one takes long; each serves one thread at a time, and
/// which of them does not matter.
public final class Pool<Value>: Sendable {
  private struct Loose: @unchecked Sendable {
    var value: Value
  }

  private let idle = Mutex<[Loose]>([])
  private let make: @Sendable () throws -> Value

  public init(_ make: @escaping @Sendable () throws -> Value) { self.make = make }

  /// Calls `body` with a value that no other thread uses meanwhile.
  public func withValue<Result>(_ body: (inout Value) throws -> Result) throws -> Result {
    var loose = try idle.withLock { $0.popLast() } ?? Loose(value: make())
    let result = try body(&loose.value)
    // After an error it is not used again.
    idle.withLock { [loose] in $0.append(loose) }
    return result
  }
}
