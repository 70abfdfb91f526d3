/// A sweep that cannot be run, or a job that cannot be done.
public struct PipelineError: Error, Sendable, CustomStringConvertible {
  public enum Code: String, Sendable {
    /// The model, the data or the recipe do not fit each other: the user must change something.
    case invalidInput
    /// The network does not have what a device's budgets and rules speak of.
    case unsuitableDevice
    case unknownJob
    case corruptArtifact
    /// A worker returned what its job cannot have given.
    case wrongResult
    /// A user's command did not do what it should.
    case commandFailed
    /// A job with a command came to a worker that runs none; another may.
    case commandsRefused
  }

  public let code: Code
  /// What failed, on what, and what to do.
  public let message: String

  public init(_ code: Code, _ message: String) {
    self.code = code
    self.message = message
  }

  public var description: String { message }
}
