import Foundation

/// Runs an actor's jobs in order on one thread of its own.
///
/// libpq blocks while it waits for the server; on the cooperative pool that would take a thread from
/// computations, on two cores half of them.
final class ThreadExecutor: SerialExecutor {
  private let queue = JobQueue()

  init(name: String) {
    let thread = Thread { [queue] in queue.run() }
    thread.name = name
    thread.start()
  }

  // The thread holds the queue alone, so this runs once the actor is gone, and ends the thread.
  deinit { queue.close() }

  func enqueue(_ job: consuming ExecutorJob) {
    queue.append(UnownedJob(job), on: asUnownedSerialExecutor())
  }
}

// Unchecked: every access to the stored properties is made under the condition's lock.
private final class JobQueue: @unchecked Sendable {
  private let condition = NSCondition()
  private var jobs: [(job: UnownedJob, executor: UnownedSerialExecutor)] = []
  private var isClosed = false

  func append(_ job: UnownedJob, on executor: UnownedSerialExecutor) {
    condition.withLock { jobs.append((job, executor)) }
    condition.signal()
  }

  func close() {
    condition.withLock { isClosed = true }
    condition.signal()
  }

  func run() {
    while true {
      condition.lock()
      while jobs.isEmpty && !isClosed { condition.wait() }
      let batch = jobs
      jobs = []
      condition.unlock()
      if batch.isEmpty { return }
      for (job, executor) in batch { job.runSynchronously(on: executor) }
    }
  }
}
