/// A network that cannot be understood or changed.
public struct NetworkError: Error, Sendable, CustomStringConvertible {
  public enum Code: Sendable { case invalidGraph, shapeMismatch, unsupported }

  public let code: Code
  /// What failed, on which node, and what to do.
  public let message: String

  public init(_ code: Code, _ message: String) {
    self.code = code
    self.message = message
  }

  public var description: String { message }
}
