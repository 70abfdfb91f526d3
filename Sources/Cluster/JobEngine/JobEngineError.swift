/// What went wrong with a sweep or a job as such; the database's own faults are `PostgresError`s.
public struct JobEngineError: Error, Sendable, CustomStringConvertible {
  public enum Code: String, Sendable {
    /// No sweep has this name or id.
    case unknownSweep = "jobs.unknown_sweep"
    /// Another sweep of this name is still running.
    case nameInUse = "jobs.name_in_use"
  }

  public var code: Code
  public var message: String

  public init(_ code: Code, _ message: String) {
    self.code = code
    self.message = message
  }

  public var description: String { message }
}
