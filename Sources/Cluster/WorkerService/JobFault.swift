import Allocation
import Execution
import Importance
import Messaging
import NetworkGraph
import ONNXFormat
import Pipeline
import Recovery
import Surgery

/// What a failed computation means for its job.
public struct JobFault: Sendable, Hashable {
  public var code: String
  public var message: String
  /// Whether another attempt may end differently.
  public var isRetryable: Bool

  /// The one place where errors become verdicts: what follows from the inputs alone fails for good,
  /// what the world did (links, memory, files) is tried again.
  public init(_ error: any Error) {
    message = "\(error)"
    switch error {
    case let error as PipelineError:
      (code, isRetryable) = (
        error.code.rawValue, [.corruptArtifact, .commandsRefused].contains(error.code)
      )
    case is ImportanceError, is ExecutionError, is NetworkError, is ONNXError, is SurgeryError,
      is AllocationError:
      (code, isRetryable) = (PipelineError.Code.invalidInput.rawValue, false)
    case is RecoveryError: (code, isRetryable) = ("reconstruction", false)
    case is MessagingError: (code, isRetryable) = ("messaging", true)
    default: (code, isRetryable) = ("failed", true)
    }
  }
}
