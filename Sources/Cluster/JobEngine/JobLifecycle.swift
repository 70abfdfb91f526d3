/// Where a job is. `migrations/0001_initial.sql` states the same machine as CHECKs.
public enum JobState: String, Sendable, Codable, CaseIterable {
  /// Waits for a worker.
  case available
  /// Waits for a time, before its first attempt.
  case scheduled
  /// A worker holds a lease on it.
  case running
  /// Failed, and waits for a time before its next attempt.
  case retryable
  /// Has its result. Final.
  case completed
  /// No sweep wants it any more. Final, but asking for it again revives it.
  case cancelled
  /// Failed too often, or in a way that trying again cannot help. Final, but asking revives it.
  case discarded

  public var isFinal: Bool { self == .completed || self == .cancelled || self == .discarded }
}

/// What an attempt came to.
public enum Verdict: Sendable, Equatable {
  case completed
  /// Try again after a while, if attempts are left.
  case retry(after: Duration)
  /// Give up without blame: what it was for is gone.
  case cancel
  /// Give up: another attempt would fail alike.
  case discard
}

/// The machine of one job: pure, one method per event, each returning what the event does.
///
/// ```
/// asked for ─▶ available ─lease─▶ running ─▶ completed
///                 ▲  ▲               │ ├─ retry ──▶ retryable ─(due: leased like available)
///              due│  └──worker lost──┘ ├─ cancel ─▶ cancelled ─asked for again─▶ available
///              scheduled               └─ discard, or too many ─▶ discarded ─the same
/// ```
///
/// `attempt` counts leases and never goes back, not even when a job is revived: with the job's id it
/// fences out results of a worker that lost its lease.
public struct JobLifecycle: Sendable, Equatable {
  public var state: JobState
  public var attempt: Int
  /// Attempts that failed since the job was asked for.
  public var failures: Int
  /// Attempts whose worker vanished or stopped extending its lease, since the job was asked for.
  public var deaths: Int
  public var maxAttempts: Int
  /// More than `maxAttempts`: a death is seldom the job's fault, but a job that kills must end.
  public var maxDeaths: Int

  public init(
    state: JobState = .available, attempt: Int = 0, failures: Int = 0, deaths: Int = 0,
    maxAttempts: Int = 3, maxDeaths: Int = 20
  ) {
    self.state = state
    self.attempt = attempt
    self.failures = failures
    self.deaths = deaths
    self.maxAttempts = maxAttempts
    self.maxDeaths = maxDeaths
  }

  /// What an event does to a job.
  public enum Action: Sendable, Equatable {
    case move(JobLifecycle)
    /// The event means nothing in this state: it came late, or twice.
    case ignore
  }

  /// A worker asks for work, and the job's time, if it waits for one, has come.
  public func leased() -> Action {
    switch state {
    case .available, .scheduled, .retryable: moved(to: .running) { $0.attempt += 1 }
    case .running, .completed, .cancelled, .discarded: .ignore
    }
  }

  /// The lease's holder reports how its attempt ended; `attempt` is the one it holds.
  public func reported(_ verdict: Verdict, attempt: Int) -> Action {
    guard state == .running, attempt == self.attempt else { return .ignore }
    switch verdict {
    case .completed: return moved(to: .completed)
    case .cancel: return moved(to: .cancelled)
    case .discard: return moved(to: .discarded) { $0.failures += 1 }
    case .retry:
      let isLast = failures + 1 >= maxAttempts
      return moved(to: isLast ? .discarded : .retryable) { $0.failures += 1 }
    }
  }

  /// The holder vanished, or let its lease run out.
  public func workerLost() -> Action {
    guard state == .running else { return .ignore }
    let isLast = deaths + 1 >= maxDeaths
    return moved(to: isLast ? .discarded : .available) { $0.deaths += 1 }
  }

  /// No sweep needs the job any more.
  public func cancelled() -> Action {
    state.isFinal ? .ignore : moved(to: .cancelled)
  }

  /// A sweep asks for the job. One that is under way or completed serves this sweep too.
  public func requested() -> Action {
    switch state {
    case .cancelled, .discarded: revived
    case .available, .scheduled, .running, .retryable, .completed: .ignore
    }
  }

  /// A completed job's artifacts are gone: it must be computed again.
  public func resultLost() -> Action { state == .completed ? revived : .ignore }

  private var revived: Action {
    moved(to: .available) {
      $0.failures = 0
      $0.deaths = 0
    }
  }

  private func moved(to state: JobState, _ change: (inout JobLifecycle) -> Void = { _ in })
    -> Action
  {
    var next = self
    next.state = state
    change(&next)
    return .move(next)
  }
}
