import Digests
import Foundation
import JobEngine
import Messaging
import Pipeline

/// What workers said and the coordinator has not dealt with yet.
///
/// While one portion is written to the database the next one gathers here: the more there is to do,
/// the more a statement does.
struct Intake {
  /// How an attempt ended, as its worker says.
  enum Ending {
    case completed(JobOutput, enclosed: [Data])
    case failed(JobFailure, isRetryable: Bool)
  }

  struct Report {
    var peer: PeerID
    var job: WireReference
    var ending: Ending
  }

  struct Heartbeat {
    var jobs: [WireReference]
    var usage: WorkerUsage
    var underway: JobsUnderway
  }

  /// A report that is sent again replaces itself.
  private var reports: [WireReference: Report] = [:]
  private var heartbeats: [PeerID: Heartbeat] = [:]

  var hasReports: Bool { !reports.isEmpty }

  mutating func add(_ report: Report) { reports[report.job] = report }
  mutating func add(_ heartbeat: Heartbeat, from peer: PeerID) { heartbeats[peer] = heartbeat }

  mutating func takeReports() -> [Report] {
    defer { reports = [:] }
    return Array(reports.values)
  }

  mutating func takeHeartbeats() -> [PeerID: Heartbeat] {
    defer { heartbeats = [:] }
    return heartbeats
  }
}

/// Wakes one task; raised twice before it looks, it is raised once.
struct Signal: Sendable {
  let raised: AsyncStream<Void>
  private let continuation: AsyncStream<Void>.Continuation

  init() {
    (raised, continuation) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
  }

  func raise() { continuation.yield() }
}
