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
    /// Jobs it holds.
    public var jobs: Int
  }

  public var processID: Int32
  public var workers: [Worker]
  /// Ids of sweeps under way.
  public var sweeps: [String]
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
      workers: connectedWorkers.map { session in
        CoordinatorStatus.Worker(
          id: session.hello.workerID, processID: session.hello.processID, host: session.hello.host,
          threads: session.hello.threads, instructionSet: session.hello.backend.instructionSet,
          jobs: session.held.count)
      }.sorted { $0.id < $1.id },
      sweeps: sweeps.keys.sorted())
  }
}
