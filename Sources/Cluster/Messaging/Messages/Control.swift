import Foundation

/// What the command line asks of the coordinator.
public enum ControlRequest: Hashable, Sendable {
  /// Run this sweep, described in JSON.
  case submit(Data)
  /// Cancel the sweep of this name or number.
  case cancel(sweep: String)
  /// State of every worker and job.
  case status
  /// Give out no more jobs; end once the workers are idle, if `shutdown`.
  case drain(shutdown: Bool)
}

/// What the coordinator answers.
public enum ControlReply: Hashable, Sendable {
  /// Done; the answer, in the JSON of the request.
  case ok(Data)
  /// The kind of failure for programs, and what failed and what to do for people.
  case failed(code: String, message: String)
}
