import Foundation
import JobEngine
import Messaging
import Pipeline

/// What the command line is told about a sweep it asked for.
public struct SweepAnswer: Codable, Sendable {
  public var id: String
  public var state: String
}

/// What the coordinator says of itself.
public struct CoordinatorStatus: Codable, Sendable {
  public struct Worker: Codable, Sendable {
    public var id: String
    public var processID: Int32
    public var host: String
    public var threads: Int
    public var instructionSet: String
    /// Backend, libraries and instruction set: what its results depend on in their last bits.
    public var identity: String
    /// Jobs it holds.
    public var jobs: Int
    /// Those of them that it computes together now, and how much of them is done, from 0 to 1.
    public var underway: Int
    public var share: Double
    /// Results taken from it, and results refused.
    public var completed: Int
    public var refused: Int
    /// Images that networks have run on since it started.
    public var images: Int
    /// Over the last half minute.
    public var imagesPerSecond: Double
    /// By the estimated work of its jobs, two for each multiply–accumulate.
    public var flopsPerSecond: Double
    /// Of its process; 0 where that is not known.
    public var memoryBytes: Int
  }

  public var processID: Int32
  public var workers: [Worker]
  /// Ids of sweeps under way.
  public var sweeps: [String]
  /// By id of a sweep.
  public var work: [String: SweepWork]

  /// What the database does not know of a sweep's work, in estimated multiply–accumulates.
  public struct SweepWork: Codable, Sendable {
    /// Done of jobs that are not completed.
    public var underway: Double
    /// By stage: of all its jobs, also of those that are not known yet.
    public var foreseen: [String: Double]
  }
}

extension Coordinator {
  /// Answers the command line; a failure of one request is no failure of the coordinator.
  func answer(_ request: ControlRequest) async -> ControlReply {
    do {
      switch request {
      case .submit(let definition):
        let sweep = try await submit(definition)
        return .ok(try CanonicalJSON.encode(SweepAnswer(id: sweep.id, state: "\(sweep.state)")))
      case .cancel(let name):
        let sweep = try await cancel(name)
        return .ok(try CanonicalJSON.encode(SweepAnswer(id: sweep.id, state: "\(sweep.state)")))
      case .status: return .ok(try CanonicalJSON.encode(status))
      case .drain:
        stopGiving()
        return .ok(Data("{}".utf8))
      }
    } catch let error as PipelineError {
      return .failed(code: error.code.rawValue, message: error.message)
    } catch {
      return .failed(code: "failed", message: "\(error)")
    }
  }

  private var status: CoordinatorStatus {
    CoordinatorStatus(
      processID: ProcessInfo.processInfo.processIdentifier,
      workers: workers.values.map { CoordinatorStatus.Worker($0) }.sorted { $0.id < $1.id },
      sweeps: sweeps.keys.sorted(),
      work: sweeps.mapValues { sweep in
        CoordinatorStatus.SweepWork(
          underway: workers.values.reduce(0) { $0 + $1.workDone(where: sweep.hasAsked) },
          foreseen: Dictionary(
            uniqueKeysWithValues: sweep.foreseenWork.map { ($0.rawValue, $1) }))
      })
  }
}

extension CoordinatorStatus.Worker {
  init(_ session: WorkerSession) {
    let hello = session.hello
    self.init(
      id: hello.workerID, processID: hello.processID, host: hello.host, threads: hello.threads,
      instructionSet: hello.backend.instructionSet, identity: session.identity,
      jobs: session.held.count, underway: session.underway.jobs.count,
      share: session.underway.share, completed: session.completed, refused: session.refused,
      images: session.usage.images, imagesPerSecond: session.images.value,
      flopsPerSecond: 2 * session.work.value, memoryBytes: session.usage.memory)
  }
}
