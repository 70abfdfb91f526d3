import Allocation
import ArgumentParser
import Catalogue
import CoordinatorService
import Datasets
import Devices
import Digests
import Execution
import JobEngine
import Messaging
import NetworkGraph
import ONNXFormat
import Pipeline
import Postgres
import Quantities
import ZeroMQ

/// The exit codes that other programs rely on.
enum ExitStatus: Int32 {
  case done = 0
  case failed = 1
  /// Bad usage, reported with the command's usage text.
  case usage = -2
  /// Bad input: a file, a value, a place.
  case input = 2
  /// Done, but some devices are infeasible or failed.
  case partial = 3
  case unreachable = 4
  case interrupted = 130

  /// Which kind of failure an error is.
  init(_ error: any Error) {
    switch error {
    case let error as MessagingError: self = error.code == .unreachable ? .unreachable : .failed
    case is ONNXError, is NetworkError, is DatasetError, is DeviceCatalogueError, is QuantityError,
      is PipelineError, is StateError, is ZeroMQError, is InputError, is ConstraintError,
      is CatalogueError,
      is ArtifactError, is JobEngineError, is ExecutionError:
      self = .input
    case is CancellationError: self = .interrupted
    case let error as FailedSweep: self = error.isInput ? .input : .failed
    case let error as PostgresError: self = error.code == .connectionLost ? .failed : .input
    default:
      self = Espalier.exitCode(for: error) == .validationFailure ? .usage : .failed
    }
  }

  var rawValueForExit: Int32 { self == .usage ? 2 : rawValue }
}

/// Input that the command line itself finds wrong.
struct InputError: Error, CustomStringConvertible {
  var description: String
  init(_ description: String) { self.description = description }
}

/// A sweep that ended without a report.
struct FailedSweep: Error, CustomStringConvertible {
  var description: String
  /// Whether model, data or recipe are at fault.
  var isInput = false
}
