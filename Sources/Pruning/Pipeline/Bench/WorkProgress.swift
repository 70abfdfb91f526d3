import Synchronization

/// How far the work under way on a bench is, and whether anybody still wants it; for any thread.
///
/// Work that takes long says at its checkpoints how far it has come. That is also where it ends when
/// it has been given up: nothing is computed to the end for nobody.
public final class WorkProgress: Sendable {
  private let done = Mutex(0.0)
  private let isAbandoned = Atomic(false)
  private let imageCount = Atomic(0)

  /// How much is done of what is under way, from 0 to 1, about.
  public var share: Double { done.withLock(\.self) }

  /// Images that whole networks have run on so far, whatever they were run for.
  public var images: Int { imageCount.load(ordering: .relaxed) }

  /// Other work is taken up.
  public func begin() {
    done.withLock { $0 = 0 }
    isAbandoned.store(false, ordering: .relaxed)
  }

  /// What is under way is wanted no more: its next checkpoint throws.
  public func abandon() { isAbandoned.store(true, ordering: .relaxed) }

  func add(images: Int) { imageCount.add(images, ordering: .relaxed) }

  /// A checkpoint.
  ///
  /// - Parameter share: How much is done, from 0 to 1.
  /// - Throws: `CancellationError` where the work has been given up.
  func reach(_ share: Double) throws {
    try check()
    guard share.isFinite else { return }
    done.withLock { $0 = min(max(share, 0), 1) }
  }

  /// A checkpoint in between.
  ///
  /// - Throws: `CancellationError` where the work has been given up.
  func check() throws { if !isWanted { throw CancellationError() } }

  var isWanted: Bool { !isAbandoned.load(ordering: .relaxed) }
}
