import Digests
import Foundation
import Importance
import Messaging
import Synchronization

/// A worker without networks: for every tile pair it reports what ``SimulatedTiles`` gives
/// at once, and keeps all other jobs without ever answering.
public struct SimulatedWorker: Sendable {
  /// What it reports for a tile pair: artifacts as they are to be stored, and the summary.
  public struct Answer: Sendable {
    public var artifacts: [Data]
    public var summary: Data
    /// Further digests to name, of files that nobody stored.
    public var invented: [Digest] = []
    /// What happens to the artifacts between being stored and being reported; nil where they travel
    /// with the report.
    public var meanwhile: (@Sendable ([Digest]) throws -> Void)?

    public init(
      artifacts: [Data], summary: Data = Data("{}".utf8), invented: [Digest] = [],
      meanwhile: (@Sendable ([Digest]) throws -> Void)? = nil
    ) {
      self.artifacts = artifacts
      self.summary = summary
      self.invented = invented
      self.meanwhile = meanwhile
    }
  }

  let link: WorkerLink
  let name: String
  let backend: WorkerHello.Backend
  let account: SimulatedAccount
  /// Nil where it does not answer.
  let answer: @Sendable (Data) throws -> Answer?

  /// Works until the link is closed, or the coordinator sends it away.
  ///
  /// - Returns: Why it was sent away.
  func run() async -> String? {
    let held = HeldJobs()
    var heartbeat: Task<Void, Never>?
    defer { heartbeat?.cancel() }
    send(
      .hello(
        WorkerHello(
          workerID: name, processID: ProcessInfo.processInfo.processIdentifier, host: "here",
          backend: backend, threads: 1, credits: 2)))
    return await withTaskGroup(of: Void.self) { group in
      for await message in link.messages {
        switch message {
        case .welcome(let interval, _):
          heartbeat?.cancel()
          heartbeat = Task {
            while !Task.isCancelled {
              send(.heartbeat(held.all))
              try? await Task.sleep(for: interval)
            }
          }
        case .refused(let reason): return reason
        case .assign(let portion, _, _):
          for assignment in portion {
            held.insert(assignment.job)
            group.addTask { await perform(assignment.job, assignment.payload) }
          }
        case .acknowledged(let job, let accepted):
          held.remove(job)
          account.count(accepted: accepted)
          _ = await group.next()
        default: break
        }
      }
      return nil
    }
  }

  private func perform(_ job: JobReference, _ payload: Data) async {
    do {
      guard let answer = try answer(payload) else { return }
      let artifacts = answer.artifacts.map { Digest(of: $0) }
      var enclosed = answer.artifacts
      if let meanwhile = answer.meanwhile {
        for artifact in enclosed { try await link.store(artifact) }
        enclosed = []
        try meanwhile(artifacts)
      }
      send(
        .completed(
          job, summary: answer.summary, artifacts: artifacts + answer.invented, enclosed: enclosed))
    } catch {
      send(.failed(job, code: "simulation", message: "\(error)", retryable: true))
    }
  }

  private func send(_ message: WorkerMessage) { try? link.send(message) }
}

/// What the simulated workers were told.
public final class SimulatedAccount: Sendable {
  public init() {}

  private let accepted = Atomic(0)
  private let rejected = Atomic(0)

  public var acceptedResults: Int { accepted.load(ordering: .relaxed) }
  public var rejectedResults: Int { rejected.load(ordering: .relaxed) }

  func count(accepted isAccepted: Bool) {
    if isAccepted {
      accepted.add(1, ordering: .relaxed)
    } else {
      rejected.add(1, ordering: .relaxed)
    }
  }
}

/// What a worker says it holds.
private final class HeldJobs: Sendable {
  private let jobs = Mutex<Set<JobReference>>([])

  var all: [JobReference] { jobs.withLock { Array($0) } }
  func insert(_ job: JobReference) { jobs.withLock { _ = $0.insert(job) } }
  func remove(_ job: JobReference) { jobs.withLock { _ = $0.remove(job) } }
}
