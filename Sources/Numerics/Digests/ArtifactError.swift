import Foundation
import Glibc

/// An artifact that could not be written or read.
public struct ArtifactError: Error, Sendable, CustomStringConvertible {
  public enum Code: Sendable {
    /// The store has no such artifact.
    case missing
    /// The content of the file is not what its name says.
    case corrupt
    /// No space is left on the device, or of the user's quota.
    case diskFull
    /// The file system refused otherwise; the message has its words.
    case inputOutput
  }

  public let code: Code
  /// What failed, on which file, and what to do.
  public let message: String

  public init(_ code: Code, _ message: String) {
    self.code = code
    self.message = message
  }

  public var description: String { message }

  /// The failure of a system call, in the system's words.
  static func system(_ action: String, _ path: String, errno number: Int32) -> ArtifactError {
    let isFull = number == ENOSPC || number == EDQUOT
    return ArtifactError(
      isFull ? .diskFull : .inputOutput,
      """
      cannot \(action) \(path): \(String(cString: strerror(number))) (errno \(number))\
      \(isFull ? "; free some space and start again" : "")
      """)
  }
}
