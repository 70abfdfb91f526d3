import JobEngine
import TestSupport
import Testing

@Suite("JobLifecycle", .tags(.pure))
struct JobLifecycleTests {
  /// Every event, by name, with what it does to a job in each state: nil where it means nothing.
  static let table:
    [(event: String, apply: @Sendable (JobLifecycle) -> JobLifecycle.Action, [JobState: JobState])] =
      [
        (
          "lease", { $0.leased() },
          [
            .available: .running, .scheduled: .running, .retryable: .running,
          ]
        ),
        ("complete", { $0.reported(.completed, attempt: $0.attempt) }, [.running: .completed]),
        (
          "retry", { $0.reported(.retry(after: .zero), attempt: $0.attempt) },
          [
            .running: .retryable
          ]
        ),
        ("give up", { $0.reported(.cancel, attempt: $0.attempt) }, [.running: .cancelled]),
        ("discard", { $0.reported(.discard, attempt: $0.attempt) }, [.running: .discarded]),
        ("late report", { $0.reported(.completed, attempt: $0.attempt - 1) }, [:]),
        ("lose the worker", { $0.workerLost() }, [.running: .available]),
        (
          "cancel", { $0.cancelled() },
          [
            .available: .cancelled, .scheduled: .cancelled, .running: .cancelled,
            .retryable: .cancelled,
          ]
        ),
        ("request", { $0.requested() }, [.cancelled: .available, .discarded: .available]),
        ("lose the result", { $0.resultLost() }, [.completed: .available]),
      ]

  @Test("every event does in every state what the machine's picture says")
  func everyPair() {
    for (event, apply, outcomes) in Self.table {
      for state in JobState.allCases {
        let job = JobLifecycle(state: state, attempt: 2, failures: 0, deaths: 1)
        switch (apply(job), outcomes[state]) {
        case (.ignore, nil): break
        case (.move(let next), let expected?):
          #expect(next.state == expected, "\(event) in \(state)")
          #expect(next.attempt >= job.attempt, "the fence never goes back")
        case (let action, let expected):
          Issue.record("\(event) in \(state): \(action) instead of \(String(describing: expected))")
        }
      }
    }
  }

  @Test(
    "leasing counts an attempt, failing a failure, a death a death; reviving forgets the latter")
  func counters() {
    let leased = JobLifecycle(attempt: 4, failures: 1, deaths: 2).leased()
    #expect(leased == .move(JobLifecycle(state: .running, attempt: 5, failures: 1, deaths: 2)))
    let running = JobLifecycle(state: .running, attempt: 5, failures: 1, deaths: 2)
    #expect(
      running.reported(.retry(after: .seconds(1)), attempt: 5)
        == .move(JobLifecycle(state: .retryable, attempt: 5, failures: 2, deaths: 2)))
    #expect(
      running.workerLost()
        == .move(JobLifecycle(state: .available, attempt: 5, failures: 1, deaths: 3)))
    #expect(
      JobLifecycle(state: .discarded, attempt: 5, failures: 3, deaths: 2).requested()
        == .move(JobLifecycle(state: .available, attempt: 5)))
  }

  @Test("the last failure and the last death discard")
  func limits() {
    let failing = JobLifecycle(state: .running, attempt: 3, failures: 2)
    let dying = JobLifecycle(state: .running, attempt: 20, deaths: 19)
    for action in [failing.reported(.retry(after: .zero), attempt: 3), dying.workerLost()] {
      guard case .move(let next) = action else {
        Issue.record("ignored")
        continue
      }
      #expect(next.state == .discarded)
    }
  }
}
