import Execution
import Synchronization

/// Plans that threads borrow, because making one takes as long as some images do.
final class PlanPool: Sendable {
  /// A plan serves one thread at a time; which one does not matter.
  private struct Loose: @unchecked Sendable {
    var plan: any ExecutionPlan
  }

  private let idle = Mutex<[Loose]>([])
  private let make: @Sendable () throws -> any ExecutionPlan

  init(_ make: @escaping @Sendable () throws -> any ExecutionPlan) { self.make = make }

  /// Calls `body` with a plan that no other thread uses meanwhile.
  func withPlan<Value>(_ body: (any ExecutionPlan) throws -> Value) throws -> Value {
    let loose = try idle.withLock { $0.popLast() } ?? Loose(plan: make())
    let value = try body(loose.plan)
    // After an error it is not used again.
    idle.withLock { $0.append(loose) }
    return value
  }
}
