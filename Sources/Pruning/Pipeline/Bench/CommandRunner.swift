/// Runs a user's commands; a bench without one refuses them.
///
/// Commands come with the jobs of a sweep. Whoever starts a worker decides whether it obeys.
public protocol CommandRunner: Sendable {
  /// Runs a command in a shell to its end, and blocks until then.
  ///
  /// - Parameters:
  ///   - minutes: After which it is ended with all it started.
  ///   - isWanted: Asked again and again; the command is ended likewise once it is not.
  /// - Throws: If no shell can be started.
  func run(
    _ command: String, minutes: Double, while isWanted: () -> Bool
  ) throws -> CommandEnding
}

/// How a command ended.
public struct CommandEnding: Sendable, Hashable {
  /// 128 + n for signal n, as in a shell.
  public var status: Int32
  public var hasTimedOut: Bool
  /// The last lines of what it wrote to standard output and error.
  public var tail: String

  public init(status: Int32, hasTimedOut: Bool, tail: String) {
    self.status = status
    self.hasTimedOut = hasTimedOut
    self.tail = tail
  }
}
