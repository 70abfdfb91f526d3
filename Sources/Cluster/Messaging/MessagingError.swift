/// A message or an artifact that did not get through.
public struct MessagingError: Error, Sendable, CustomStringConvertible {
  public enum Code: String, Sendable {
    /// Nobody answers; trying again later may help.
    case unreachable
    /// The other side speaks another version of the protocol, or does not want to talk.
    case refused
    /// The bytes received are no message.
    case malformed
    /// The message is larger than the other side takes.
    case messageTooLarge
    /// The coordinator has no such artifact.
    case artifactMissing
    /// The artifact arrived, repeatedly, with another digest than its name.
    case artifactCorrupt
    /// The coordinator could not read or write the artifact, a full disk for one.
    case artifactUnavailable
    /// This side's link was closed meanwhile.
    case closed
  }

  public let code: Code
  /// What failed, on what, and what to do.
  public let message: String

  public init(_ code: Code, _ message: String) {
    self.code = code
    self.message = message
  }

  /// Whether the same may succeed later without anybody's help.
  public var isRetryable: Bool {
    switch code {
    case .unreachable, .artifactUnavailable, .artifactCorrupt: true
    case .refused, .malformed, .messageTooLarge, .artifactMissing, .closed: false
    }
  }

  public var description: String { message }
}
